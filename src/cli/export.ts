import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { UsageError, exitCodes } from '../errors.ts'
import type { Exported } from '../export/exportTo.ts'
import { misread, openExport } from '../export/exportTo.ts'
import type { ExportedMigration } from '../export/exported.ts'
import { exportMigration } from '../export/exported.ts'
import { listExported } from '../export/exportedBefore.ts'
import type { FormatName } from '../export/format.ts'
import { formatNames } from '../export/format.ts'
import { formats } from '../export/formats.ts'
import { schemaChanges } from '../export/source/schemaSource.ts'
import { writeExport } from '../export/writeExport.ts'
import { compareHistory } from '../migrate/history.ts'
import { loadMigrations } from '../migrate/loadMigrations.ts'
import type { Migration } from '../migrate/migration.ts'
import { readHistory } from '../migrate/readHistory.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import { selectPending } from '../migrate/target.ts'
import { readProjectSettings } from '../project/settings.ts'
import { confirmed } from './confirmed.ts'
import type { CommandContext } from './context.ts'
import { declareSchema } from './declareSchema.ts'
import { withReadingSession } from './migrateSession.ts'
import { nextSteps } from './optimizeFormat.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

interface CommandOptions extends OutputOptions {
  format: FormatName
  dir: string
  out?: string
  to?: string
  yes?: boolean
}

/** `export`: the pending migrations as files of another tool. The database is only read. */
export function exportCommand(context: CommandContext): Command {
  return new Command('export')
    .addOption(
      new Option('--format <name>', 'the tool whose files are written')
        .choices(formatNames)
        .makeOptionMandatory(),
    )
    .option('--dir <directory>', 'where our migrations are', readProjectSettings().migrations)
    .option('--out <directory>', 'where the files go; by default where that tool keeps them, see below')
    .option('--to <name>', 'up to and including this migration')
    .option('--yes', 'write without asking')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText('after', `\n${defaultPlaces()}${examples}`)
    .action(async (given: CommandOptions) => {
      const { terminal, finish } = context
      const options = { ...given, out: given.out ?? formats[given.format].out }
      refuseSameDirectory(options)
      const { pending, migrations } = await readPending(context, options)
      const print = peopleLine(terminal, options)
      const before = await listExported(options.format, options.out)
      const layout = await openExport(options)
      const written: Exported[] = []
      const skipped: { migration: string; reason: string }[] = []
      for (const [at, migration] of migrations.entries()) {
        const name = (pending[at] as Migration).name
        const there = before.find(({ text }) => migration.ids.some((id) => text.includes(id)))
        if (there) skipped.push({ migration: name, reason: `${there.name} does it already` })
        else written.push(layout.add(migration))
      }
      const files = written.flatMap((each) => each.files)
      const changes = await schemaChanges(
        options.format,
        options.out,
        written.map(({ migration }) => migration),
      )
      if (
        files.length > 0 &&
        !(await confirmed(terminal, options, `Write ${countFiles(files.length)} into ${options.out}?`))
      ) {
        print('Nothing was written.')
        return finish(exitCodes.done)
      }
      await writeExport(files, terminal.signal)
      const declared = await declareSchema(changes, terminal, options.yes === true)
      const paths = [...new Set(files.map(({ path }) => path))]
      await writeJson(terminal, options, 'export', {
        format: options.format,
        written: paths.map((file) => ({ file })),
        skipped,
      })
      for (const path of paths) print(`written  ${path}`)
      for (const { migration, reason } of skipped) print(`skipped  ${migration}: ${reason}`)
      for (const line of declared) print(line)
      if (pending.length === 0) print('Nothing is pending.')
      if (files.length > 0) for (const line of nextSteps(options.format, written)) print(line)
      finish(exitCodes.done)
    })
}

/** The pending migrations, and the same ready to be exported. */
async function readPending(
  { config }: CommandContext,
  { dir, to, format }: CommandOptions,
): Promise<{ pending: Migration[]; migrations: ExportedMigration[] }> {
  const all = await loadMigrations(dir)
  return withReadingSession(config, async (client) => {
    const statuses = compareHistory(all, (await readHistory(client, all)).rows)
    const pending = selectPending(all, statuses, to === undefined ? {} : { to })
    const migrations: ExportedMigration[] = []
    const refused: string[] = []
    for (const migration of pending) {
      const { statementTimeoutMs } = defaultRunOptions
      const exported = await exportMigration(migration, { client, statementTimeoutMs })
      const reason = 'refused' in exported ? exported.refused : misread(format, exported)
      if (reason !== undefined) refused.push(`${migration.name}: ${reason}`)
      else migrations.push(exported as ExportedMigration)
    }
    if (refused.length > 0) throw cannotExport(format, refused)
    return { pending, migrations }
  })
}

function cannotExport(format: FormatName, refused: string[]): UsageError {
  const [first, ...more] = refused
  const others = more.length === 0 ? '' : ` So do ${more.length} more.`
  return new UsageError(
    `This migration cannot be exported for ${format}: ${first}.${others} No file was written.`,
    'Run it by `migrate up`, or export those before it with --to NAME.',
    { details: refused },
  )
}

function refuseSameDirectory({ dir, out }: { dir: string; out: string }): void {
  if (resolve(dir) !== resolve(out)) return
  throw new UsageError(
    `${out} holds our own migrations, which the other tool would read too.`,
    'Name another directory with --out, or keep ours elsewhere and name it with --dir.',
  )
}

function countFiles(count: number): string {
  return count === 1 ? '1 file' : `${count} files`
}

function defaultPlaces(): string {
  const lines = formatNames.map((name) => `  ${name.padEnd(10)} ${formats[name].out}`)
  return `Formats, and where their files go without --out:\n${lines.join('\n')}\n`
}

const examples = `
Examples:
  $ npx hundredfold export --format supabase
  $ npx hundredfold export --format knex --dir hundredfold/migrations --out migrations
  $ npx hundredfold export --format prisma --to NAME --yes
  $ npx hundredfold optimize --format drizzle --yes     findings become files of that tool at once

Files outside a transaction hold one statement each where the tool needs that. A tool without a way back gets it as
a script in the folder hundredfold/ beside its directory. Migrations that run in batches or call procedures are
refused: only \`migrate up\` runs them. Each tool's own settings are in docs/export.md.
`
