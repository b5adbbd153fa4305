import { Command } from 'commander'
import { planAnnouncements } from '../cache/planAnnouncements.ts'
import { findNamedTable } from '../catalog/namedTable.ts'
import { UsageError, exitCodes } from '../errors.ts'
import type { TagTemplate } from '../operations/tagTemplate.ts'
import { parseTagTemplate } from '../operations/tagTemplate.ts'
import { listPendingMigrations } from '../optimize/pendingMigrations.ts'
import { writeMigrations } from '../optimize/writeMigrations.ts'
import { borrow } from '../postgres/database.ts'
import { confirmed } from './confirmed.ts'
import { readProjectSettings } from '../project/settings.ts'
import type { CommandContext } from './context.ts'
import { withReadingSession } from './migrateSession.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

interface CommandOptions extends OutputOptions {
  table: string
  tag: TagTemplate[]
  out: string
  yes?: boolean
}

/** The migrations that make a table announce its changes. The database is only read. */
export function installOfCache(context: CommandContext): Command {
  return new Command('install')
    .description(
      'write the migrations that make a table announce which tags change; the database is only read',
    )
    .requiredOption('--table <name>', 'the table, with its schema where that is not public')
    .requiredOption(
      '--tag <tag>',
      'a tag of each row, with columns in braces; may be given several times',
      (text: string, before: TagTemplate[] | undefined) => [...(before ?? []), parseTagTemplate(text)],
    )
    .option('--out <directory>', 'where the files go', readProjectSettings().migrations)
    .option('--yes', 'write without asking')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold cache install --table professionals --tag 'professional:{id}' --tag 'city:{city_id}' --tag professionals
  $ npx hundredfold cache install --table audit.events --tag 'event:{id}' --out migrations --yes --json -

The first one also writes the migration that makes the outbox. Each changed row has every tag, before and after the change;
where a column is NULL, the tag is left out. A statement with more than 1,000 tags, and TRUNCATE, have the tag *: everything.
`,
    )
    .action(async (options: CommandOptions) => {
      await withReadingSession(context.config, async (client) => {
        const table = await findNamedTable(borrow(client), options.table)
        if (!table) {
          throw new UsageError(
            `There is no table ${options.table}.`,
            'Write it as SQL would: bookings, audit.events or \'"Shop data"."Orders"\'.',
          )
        }
        const pending = await listPendingMigrations(options.out, client)
        await write(context, options, await planAnnouncements(client, table, options.tag, pending))
      })
      context.finish(exitCodes.done)
    })
}

async function write(
  { terminal }: CommandContext,
  options: CommandOptions,
  { operations, skipped }: Awaited<ReturnType<typeof planAnnouncements>>,
): Promise<void> {
  const { out } = options
  const print = peopleLine(terminal, options)
  const files = `${operations.length} ${operations.length === 1 ? 'migration' : 'migrations'}`
  const mayWrite =
    operations.length > 0 && (await confirmed(terminal, options, `Write ${files} into ${out}?`))
  const written = mayWrite
    ? await writeMigrations(
        out,
        operations.map((operation) => ({ operation, operations: [operation] })),
      )
    : new Map<unknown, string>()
  for (const each of skipped) print(`skipped  ${each}`)
  for (const file of written.values()) print(`written  ${file}`)
  if (written.size > 0) print('Next: review them, then `npm run migrate plan`.')
  await writeJson(terminal, options, 'cache', {
    written: [...written.values()].map((file) => ({ file })),
    skipped: skipped.map((reason) => ({ reason })),
  })
}
