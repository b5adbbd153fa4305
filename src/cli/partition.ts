import { Command } from 'commander'
import type { ClientBase } from 'pg'
import { findNamedTable } from '../catalog/namedTable.ts'
import { sessionUrl } from '../config.ts'
import { HundredfoldError, UsageError, exitCodes } from '../errors.ts'
import { writeMigrations } from '../optimize/writeMigrations.ts'
import type { Every } from '../partition/intervals.ts'
import { parseMoment } from '../partition/intervals.ts'
import type { PartitionJudgement } from '../partition/judge.ts'
import { judgePartitioning } from '../partition/judge.ts'
import type { PartitionPlan } from '../partition/plan.ts'
import { planPartitions } from '../partition/plan.ts'
import { connect } from '../postgres/connect.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { partitionJudgementJson, partitionJudgementLines } from '../report/partitionJudgement.ts'
import { partitionPlanLines } from '../report/partitionPlan.ts'
import { readProjectSettings } from '../project/settings.ts'
import type { CommandContext } from './context.ts'
import { parseCount } from './options.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'
import type { SplitOptions } from './partitionSplit.ts'
import { splitOf, splitOptions } from './partitionSplit.ts'
import { workloadOf } from './workloadOptions.ts'

interface CommandOptions extends OutputOptions, SplitOptions {
  table: string
  key: string
  accept: string[]
  ahead?: number
  cutoff?: string
  retention?: string
  rewriteHistory?: boolean
  workload?: string
  judge: boolean
  out: string
  yes?: boolean
}

/** The series of migrations that partitions a table online. The database is only read. */
export function partitionCommand(context: CommandContext): Command {
  const command = new Command('partition')
    .requiredOption('--table <name>', 'the table, with its schema where that is not public')
    .requiredOption(
      '--key <column>',
      'what every row has: of a range, a date, timestamp or timestamptz; otherwise almost any type',
    )
  for (const option of splitOptions()) command.addOption(option)
  return command
    .option('--accept <name...>', 'what cannot be kept and may go, by the names that are listed', [])
    .option(
      '--ahead <count>',
      'intervals to make beyond the rows that are there, 4 unless you say so',
      parseCount,
    )
    .option('--cutoff <date>', 'the first bound; chosen beyond every row by default')
    .option('--retention <time>', 'how long rows are kept, such as "24 months", where they go some day')
    .option('--rewrite-history', 'copy the rows, so that each partition has its own at once')
    .option('--workload <file>', 'judge by these statements instead of pg_stat_statements; see `advise`')
    .option('--no-judge', 'write the series without looking whether it pays')
    .option('--out <directory>', 'where the files go', readProjectSettings().migrations)
    .option('--yes', 'write without asking')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold partition --table bookings --key booking_date --every month --workload workload.sql
  $ npx hundredfold partition --table bookings --key booking_date --every month --accept bookings_pkey
  $ npx hundredfold partition --table audit.events --key created_at --every week --retention "6 months"
  $ npx hundredfold partition --table bookings --key booking_date --every month --rewrite-history
  $ npx hundredfold partition --table bookings --key booking_date --every month --yes --json -
  $ npx hundredfold partition --table orders --key region --by list --rewrite-history
  $ npx hundredfold partition --table orders --key customer_id --by hash --modulus 16 --rewrite-history

First it lists what a partitioned table cannot have: nothing is lost without your word for it. Then it plans the
workload on partitions, in a throw-away PostgreSQL, and says what gets faster and what slower. Where that pays it
writes migrations: review them, then \`npm run migrate plan\` and \`npm run migrate up\`. No row is copied: the table
becomes the partition of everything up to now. Each migration has a way back, also when new rows have come.

With --rewrite-history the rows are copied into partitions while triggers mirror each change, which takes the disk space of
the table once more. The table as it was stays and mirrors the new one, so that the way back is short. Once you are sure,
give the same command again: it writes one more migration, which drops that table.

--by list makes a partition for each value of the key, and one for values that come later. --by hash spreads the rows evenly.
Both need --rewrite-history. Whether they pay is not judged, and they need no upkeep. See docs/partitions.md for when to take them.
`,
    )
    .action(async (options: CommandOptions) => {
      const { config, terminal, finish } = context
      const client = await connect(sessionUrl(config))
      const stop = () => void client.end().catch(() => undefined)
      terminal.signal.addEventListener('abort', stop, { once: true })
      try {
        await partition(context, client, options)
      } finally {
        terminal.progress('')
        terminal.signal.removeEventListener('abort', stop)
        await client.end().catch(() => undefined)
      }
      finish(exitCodes.done)
    })
}

async function partition(
  context: CommandContext,
  client: ClientBase,
  options: CommandOptions,
): Promise<void> {
  const { terminal } = context
  const table = await findNamedTable(borrow(client), options.table)
  if (!table) {
    throw new UsageError(
      `There is no table ${options.table}.`,
      'Write it as SQL would: bookings, audit.events or \'"Shop data"."Orders"\'.',
    )
  }
  const split = splitOf(options)
  if (!('every' in split) && options.workload !== undefined) {
    throw new UsageError(
      `--workload has no meaning with --by ${split.by}: whether that pays is not judged.`,
      'Leave one of them out.',
    )
  }
  terminal.progress(`reading what hangs on ${display(table)}`)
  const plan = await planPartitions(client, {
    ...{ table, key: options.key, accept: options.accept, ...split },
    ...(options.ahead === undefined ? {} : { ahead: options.ahead }),
    ...(options.cutoff === undefined ? {} : { cutoff: parseMoment(options.cutoff) }),
    ...(options.retention === undefined ? {} : { retention: options.retention }),
    ...(options.rewriteHistory ? { rewriteHistory: true } : {}),
  })
  const isJudged = options.judge && plan.refused.length === 0 && !plan.kept
  const judgement =
    isJudged && 'every' in split ? await judge(context, client, { ...options, table, ...split }) : undefined
  terminal.progress('')
  const broken = (judgement?.breaks ?? []).filter(({ name }) => !options.accept.includes(name))
  const pays = judgement === undefined || (judgement.worthwhile && broken.length === 0)
  const mayWrite = plan.refused.length === 0 && pays
  const files = mayWrite ? await write(context, options, plan) : []
  await report(context, options, { table, plan, judgement, files })
  if (plan.refused.length > 0) {
    throw new HundredfoldError(
      exitCodes.conditionFailed,
      `${display(table)} cannot be partitioned as it is; nothing was written.`,
      'Change what is listed, or accept what may be accepted: --accept NAME for each.',
    )
  }
  if (!pays) {
    throw new HundredfoldError(
      exitCodes.conditionFailed,
      broken.length > 0
        ? `PostgreSQL would refuse ${broken.length === 1 ? 'a statement' : `${broken.length} statements`} on the partitioned table; nothing was written.`
        : `Partitioning ${display(table)} does not pay; nothing was written.`,
      broken.length > 0
        ? 'Change these statements first, or accept that they fail: --accept NAME for each.'
        : 'Take the index instead; --no-judge writes the series in spite of the numbers.',
    )
  }
}

async function judge(
  { terminal }: CommandContext,
  client: ClientBase,
  options: Omit<CommandOptions, 'table'> & { table: RelationName; every: Every },
): Promise<PartitionJudgement> {
  const { statements } = await workloadOf(client, {
    ...(options.workload === undefined ? {} : { workload: options.workload }),
  })
  return judgePartitioning(client, { table: options.table, key: options.key }, statements, {
    every: options.every,
    ...(options.rewriteHistory ? { rewriteHistory: true } : {}),
    ...(options.retention === undefined ? {} : { retention: options.retention }),
    signal: terminal.signal,
    onStep: (text) => terminal.progress(text),
  })
}

async function write(
  { terminal }: CommandContext,
  { out, yes }: CommandOptions,
  { operations }: PartitionPlan,
): Promise<string[]> {
  if (!yes && !(process.stdin.isTTY && process.stderr.isTTY)) {
    throw new UsageError(
      `Nothing was written: there is no terminal on which to ask whether ${operations.length} migrations may go into ${out}.`,
      'Run it again with --yes to write without being asked.',
    )
  }
  if (!yes && !(await terminal.confirm(`Write ${operations.length} migrations into ${out}?`))) return []
  const written = await writeMigrations(
    out,
    operations.map((operation) => ({ operation, operations: [operation] })),
  )
  return [...written.values()]
}

interface Result {
  table: RelationName
  plan: PartitionPlan
  judgement: PartitionJudgement | undefined
  files: string[]
}

async function report(
  { terminal }: CommandContext,
  options: CommandOptions,
  { table, plan, judgement, files }: Result,
): Promise<void> {
  const judged = judgement ? partitionJudgementJson(judgement) : { faster: [], slower: [] }
  const { refused = [] } = judged as { refused?: { name: string; reason: string }[] }
  await writeJson(terminal, options, 'partition', {
    table: [table.schema, table.name],
    key: options.key,
    worthwhile: judgement?.worthwhile ?? null,
    ...judged,
    written: files.map((file) => ({ file })),
    refused: [
      ...plan.refused.map(({ name, reason, acceptable }) => ({ name, reason, acceptable })),
      ...refused,
    ],
    accepted: plan.accepted.map(({ name, reason }) => ({ name, reason })),
  })
  const print = peopleLine(terminal, options)
  for (const line of partitionPlanLines(plan)) print(line)
  if (judgement) for (const line of partitionJudgementLines(judgement)) print(line)
  for (const file of files) print(`written  ${file}`)
  if (files.length > 0) print('Next: review them, then `npm run migrate plan`.')
}
