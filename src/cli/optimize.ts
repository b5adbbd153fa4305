import { Command, Option } from 'commander'
import { sessionUrl } from '../config.ts'
import { connect } from '../postgres/connect.ts'
import { readIgnoreFile } from '../rules/ignoreFile.ts'
import type { Operation } from '../operations/operation.ts'
import { UsageError, exitCodes } from '../errors.ts'
import type { Skipped } from '../optimize/chooseOperations.ts'
import { skip } from '../optimize/chooseOperations.ts'
import type { Group } from '../optimize/groupOperations.ts'
import { listExported } from '../export/exportedBefore.ts'
import type { FormatName } from '../export/format.ts'
import { formats } from '../export/formats.ts'
import type { Optimized } from '../optimize/optimize.ts'
import { optimize } from '../optimize/optimize.ts'
import { writeMigrations } from '../optimize/writeMigrations.ts'
import { leftOutDocument, notCountedLines } from '../report/notCounted.ts'
import { skippedLines, writtenLines } from '../report/optimizeText.ts'
import { together } from '../report/together.ts'
import type { Found } from '../rules/find.ts'
import type { Finding, Level } from '../rules/rule.ts'
import { keyOf, levels } from '../rules/rule.ts'
import type { RuleName } from '../rules/ruleNames.ts'
import { readProjectSettings } from '../project/settings.ts'
import type { CommandContext } from './context.ts'
import { refuseFailures } from './refuseFailures.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'
import { formatOption, writeForTool } from './optimizeFormat.ts'
import { parseCount } from './options.ts'
import { parseRules } from './parseRules.ts'
import { parseBytesOf, readWorkload, refuseCompleteWithoutFile } from './workloadOptions.ts'

interface CommandOptions extends OutputOptions {
  rules?: string
  level: Level
  out?: string
  format?: FormatName
  schema?: string[]
  table?: string[]
  limit?: number
  workload?: string
  budget?: number
  complete?: boolean
  yes?: boolean
}

/** `optimize`: findings become migration files. The database is only read; nothing is applied. */
export function optimizeCommand(context: CommandContext): Command {
  return new Command('optimize')
    .option('--rules <names>', 'only these rules, separated by commas; all by default')
    .addOption(
      new Option('--level <level>', 'only findings of this level or worse').choices(levels).default('warn'),
    )
    .option('--schema <name...>', 'only objects of these schemas')
    .option('--table <name...>', 'only what concerns these tables, such as public.orders')
    .option('--limit <number>', 'only the actions that matter most, so many', parseCount)
    .option('--workload <file>', 'write the indexes too that these statements want; see `advise`')
    .option(
      '--budget <bytes>',
      'what these indexes may take together, such as 500MB',
      parseBytesOf('--budget'),
    )
    .option('--complete', 'the workload has every statement: drop the indexes that none of them needs')
    .addOption(formatOption())
    .option(
      '--out <directory>',
      'where the files go; migrations by default, with --format where that tool keeps them',
    )
    .option('--yes', 'write without asking')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npm run optimize -- --rules auth_rls_initplan,policy_function_initplan
  $ npm run optimize -- --schema public --out migrations --yes
  $ npm run optimize -- --limit 10                 the ten actions that matter most
  $ npm run optimize -- --level info               what gains little too, such as indexes on small tables
  $ npm run optimize -- --workload workload.sql --budget 500MB
  $ npm run optimize -- --workload workload.sql --complete   drop what no statement of the file needs
  $ npm run optimize -- --format prisma --yes      files for another migration tool; see docs/export.md
  $ npm run -s optimize -- --yes --json -

Review the files, see \`npm run migrate plan\`, then \`npm run migrate up\`. A file holds what one rule wants of
one table, or of several where there would be more than 60 files. A finding without a safe cure is listed with
the reason, and what is below --level in one line a rule. What a pending migration does already is not written
again, and what .hundredfold/ignore.yaml names is left alone. Where nobody can be asked, nothing is written
without --yes.
`,
    )
    .action(async (given: CommandOptions) => {
      const options = {
        ...given,
        out: given.out ?? (given.format ? formats[given.format].out : readProjectSettings().migrations),
      }
      const { config, terminal, finish } = context
      refuseCompleteWithoutFile(options)
      const rules = parseRules(options.rules)
      const ignore = await readIgnoreFile()
      const client = await connect(sessionUrl(config))
      const stop = () => void client.end().catch(() => undefined)
      terminal.signal.addEventListener('abort', stop, { once: true })
      try {
        const optimized = await optimize(client, {
          rules,
          ...(options.schema === undefined ? {} : { schemas: options.schema }),
          level: options.level,
          ...(options.table === undefined ? {} : { tables: options.table }),
          ...(options.limit === undefined ? {} : { limit: options.limit }),
          ...(options.workload === undefined
            ? {}
            : {
                workload: {
                  statements: await readWorkload(options.workload),
                  complete: options.complete === true,
                  ...(options.budget === undefined ? {} : { budget: options.budget }),
                },
              }),
          ignore,
          directory: options.out,
          ...(options.format ? { pending: await listExported(options.format, options.out) } : {}),
          onStep: (text) => terminal.progress(text),
        })
        const { found, groups } = optimized
        terminal.progress('')
        const outcome = await writeChosen(context, options, groups)
        await report(context, options, { ...optimized, outcome })
        refuseFailures(found.looked.map(({ rule, ...ended }) => ({ name: `rule ${rule.name}`, ...ended })))
        if (outcome.unasked) throw nobodyToAsk(groups, options)
      } finally {
        terminal.progress('')
        terminal.signal.removeEventListener('abort', stop)
        await client.end().catch(() => undefined)
      }
      finish(exitCodes.done)
    })
}

/** What became of the operations. */
interface Outcome {
  files: Map<Operation, string>
  /** Why they were not written, where they were not. */
  because?: string
  /** Why the tool of --format cannot run some of them. */
  refused?: Map<Operation, string>
  /** What to tell the reader below the list. */
  notes?: string[]
  /** There was nobody to ask. */
  unasked?: true
}

async function writeChosen(
  { terminal }: CommandContext,
  { out, yes, format }: CommandOptions & { out: string },
  groups: Group[],
): Promise<Outcome> {
  const none = new Map<Operation, string>()
  if (groups.length === 0) return { files: none }
  if (!yes && !canAsk()) {
    return { files: none, because: 'nobody could be asked; --yes writes it', unasked: true }
  }
  if (!yes && !(await terminal.confirm(`Write ${count(groups.length, 'migration')} into ${out}?`))) {
    return { files: none, because: 'you chose not to write it' }
  }
  if (format) return writeForTool(format, out, groups, { terminal, yes: yes === true })
  return { files: await writeMigrations(out, groups) }
}

/** A question is shown on standard error and answered on standard input. */
function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

function nobodyToAsk(groups: Group[], { out }: { out: string }): UsageError {
  return new UsageError(
    `Nothing was written: there is no terminal on which to ask whether ${count(groups.length, 'migration')} may go into ${out}.`,
    'Run it again with --yes to write without being asked.',
  )
}

interface Result extends Optimized {
  outcome: Outcome
}

async function report(
  { terminal }: CommandContext,
  options: CommandOptions,
  { found, selection, choice, actions, advice, outcome }: Result,
): Promise<void> {
  const written: { file: string; rule: RuleName; key: string }[] = []
  const skipped: Skipped[] = [...unseen(found), ...choice.skipped, ...selection.ignored]
  for (const { finding, operations } of choice.cures) {
    const files = [...new Set(operations.flatMap((operation) => outcome.files.get(operation) ?? []))]
    if (files.length === 0) skipped.push(skip(finding, whyUnwritten(outcome, operations)))
    written.push(...files.map((file) => ({ file, rule: finding.rule, key: keyOf(finding) })))
  }
  const below = selection.belowLevel.map((finding) => skip(finding, whyBelow(finding, options)))
  const failed = found.looked
    .filter(({ status }) => status === 'failed')
    .map(({ rule, reason }) => ({ rule: rule.name, reason: reason ?? '' }))
  const { leftOut = [], unsure = [] } = advice ?? {}
  const notCounted = advice ? { leftOut: leftOutDocument(leftOut), unsure } : {}
  await writeJson(terminal, options, 'optimize', {
    written,
    skipped: [...skipped, ...below],
    failed,
    ...notCounted,
  })

  const print = peopleLine(terminal, options)
  const files = new Set(outcome.files.values())
  for (const line of writtenLines(actions)) print(line)
  for (const file of files) print(`written  ${file}`)
  for (const line of skippedLines(skipped)) print(`skipped  ${line}`)
  for (const { title } of together(selection.belowLevel)) print(`skipped  ${title}`)
  for (const line of notCountedLines(leftOut, unsure)) print(line)
  if (below.length > 0) {
    print(
      `Below --level ${options.level}: ${below.length}; --level info includes them, --json FILE lists each.`,
    )
  }
  const cured = new Set(written.map(({ key }) => key)).size
  print(
    `${count(files.size, 'migration')} for ${count(cured, 'finding')}, ${skipped.length + below.length} skipped.`,
  )
  if (files.size === 0) return
  for (const note of outcome.notes ?? ['Next: review them, then `npm run migrate plan`.']) print(note)
}

function whyUnwritten({ refused, because }: Outcome, operations: Operation[]): string {
  return operations.flatMap((each) => refused?.get(each) ?? []).at(0) ?? because ?? 'it was not written'
}

/** A rule that was skipped has not passed. */
function unseen({ looked }: Found): Skipped[] {
  return looked
    .filter(({ status }) => status === 'skipped')
    .map(({ rule: { name }, reason }) => ({ key: name, rule: name, reason: reason ?? '' }))
}

/** A finding without a migration would not be written at any level, so its own reason says more. */
function whyBelow({ level, infoBecause, remedy }: Finding, options: CommandOptions): string {
  if (remedy.kind !== 'migration') return remedy.title
  return `${level}, below --level ${options.level}${infoBecause === undefined ? '' : `: ${infoBecause}`}`
}

function count(number: number, one: string): string {
  return `${number} ${number === 1 ? one : `${one}s`}`
}
