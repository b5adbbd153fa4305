import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { down } from '../migrate/down.ts'
import { loadMigrations } from '../migrate/loadMigrations.ts'
import type { RunEvent, RunOptions } from '../migrate/runOptions.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import { up } from '../migrate/up.ts'
import { writeMigrations } from '../optimize/writeMigrations.ts'
import { dayOf, later } from '../partition/intervals.ts'
import type { PartitionJudgement } from '../partition/judge.ts'
import { judgePartitioning } from '../partition/judge.ts'
import { layoutsOf } from '../partition/layouts.ts'
import { planPartitions } from '../partition/plan.ts'
import type { HistorySubject } from '../partition/subject.ts'
import { helperSchema } from '../partition/subject.ts'
import { connect } from '../postgres/connect.ts'
import { display, qualified } from '../postgres/identifiers.ts'
import { benchRow } from './bench.ts'
import type { CasaoraTotals } from './casaora/clients.ts'
import { casaoraClients, differencesOf, readTotals, toldBy } from './casaora/clients.ts'
import type { CasaoraDatabase } from './casaora/database.ts'
import { readCasaoraWorkload } from './casaora/database.ts'
import { casaoraToday } from './casaora/load.ts'
import { casaoraPartitions } from './casaora/partitions.ts'
import type { LoadReport } from './load/load.ts'
import { underLoad } from './load/load.ts'
import type { BenchRow } from './row.ts'

export interface PartitionDemoOptions {
  signal?: AbortSignal
  onStage?: (title: string) => void
  onStep?: (text: string) => void
  onEvent?: (event: RunEvent) => void
  /** Called with what would get faster and slower. */
  onJudged?: (judgement: PartitionJudgement) => void
  /** Called with what the clients saw, and with what upkeep made. */
  onNews?: (text: string) => void
}

/** What the demo's part about partitions found. */
export interface PartitionDemo {
  judgements: PartitionJudgement[]
  /** What the clients saw while the series went up and down, and without it on either side. */
  clients: { alone: LoadReport; up: LoadReport; 'alone, on partitions': LoadReport; down: LoadReport }
  /** Migrations of the series. */
  migrations: number
  /** Rows beyond the partitions that there were. */
  added: { table: string; rows: number }[]
  /** Partitions that upkeep made. */
  made: string[]
  /** Rows that are not there, or twice, after all. */
  lost: string[]
}

const clients = 4
const aloneMs = 3_000
const newRows = 3_000
/** New rows are of as many days as the new partitions, and of a month more, which comes before its partition. */
const newDays = 150

/**
 * Partitions bookings and messages while clients use them, adds new rows, makes the next partitions, and makes both tables
 * again. The series is written for what the demo's own migrations have left, as `migrations/partitions/` was for Casaora's.
 */
export async function demoPartitions(
  database: CasaoraDatabase,
  directory: string,
  options: PartitionDemoOptions,
): Promise<PartitionDemo> {
  const owner = await connect(database.ownerUrl)
  const looker = await connect(database.superuserUrl)
  const run: RunOptions = {
    ...{ ...defaultRunOptions, client: owner },
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.onEvent ? { onEvent: options.onEvent } : {}),
  }
  const folder = join(directory, 'partitions')
  const load = (from: string, days: number) =>
    casaoraClients(looker, { url: database.superuserUrl, clients, from, days })
  try {
    options.onStage?.('Judging what partitions would make faster and slower')
    const judgements = await judge(owner, options)
    const before = await readTotals(looker)
    options.onStage?.(`Partitioning bookings and messages while ${clients} clients use them`)
    options.onStep?.('the clients alone')
    const now = await load(casaoraToday, 30)
    const alone = await underLoad(now, () => sleep(aloneMs))
    const partitioned = await underLoad(now, () => partitionAll(owner, folder, run))
    const { subjects } = partitioned.result
    options.onNews?.(clientsText(partitioned.load, alone.load))
    options.onStage?.('New rows, and the next partitions')
    const added = await addRows(looker, subjects)
    const made = await addPartitions(owner, subjects)
    for (const { table, rows } of added) options.onNews?.(`${table}: ${rows} new rows`)
    options.onNews?.(`upkeep made ${made.join(', ')}`)
    options.onStage?.('Making them tables again, with the new rows')
    const later = await load(dayOf(subjects[0]?.cutoff ?? new Date()), 90)
    const aloneLater = await underLoad(later, () => sleep(aloneMs))
    const back = await underLoad(later, () => takeBack(folder, run))
    options.onNews?.(clientsText(back.load, aloneLater.load))
    const reports = [alone.load, partitioned.load, aloneLater.load, back.load]
    const lost = differencesOf(
      before,
      [...reports.flatMap(toldBy), ...added.map(({ totals }) => totals)],
      await readTotals(looker),
    )
    return {
      judgements,
      clients: {
        ...{ alone: alone.load, up: partitioned.load },
        ...{ 'alone, on partitions': aloneLater.load, down: back.load },
      },
      migrations: partitioned.result.migrations,
      added: added.map(({ table, rows }) => ({ table, rows })),
      made,
      lost,
    }
  } finally {
    await owner.end().catch(() => undefined)
    await looker.end().catch(() => undefined)
  }
}

/** Lines of the demo's table. The plan promises no downtime, and no row may be lost. */
export function partitionRows({ clients: seen, lost }: PartitionDemo): BenchRow[] {
  const row = (id: string, title: string, alone: LoadReport, busy: LoadReport): BenchRow =>
    benchRow({
      ...{ id: `partition_${id}`, title: `Longest wait of ${clients} clients ${title}` },
      claim: '0 errors, no row lost',
      ...{ before: alone.worstMs, after: busy.worstMs, unit: 'ms' },
      met: alone.failed === 0 && busy.failed === 0 && lost.length === 0,
      how: `${busy.transactions} transactions, ${busy.failed} failed${busy.failures.map((each) => `; ${each}`).join('')}; ${lost.length === 0 ? 'no row lost or doubled' : lost.join(', ')}; before: without the migrations`,
    })
  return [
    row('up', 'while two tables are partitioned', seen.alone, seen.up),
    row('down', 'while they become tables again', seen['alone, on partitions'], seen.down),
  ]
}

async function judge(owner: Client, options: PartitionDemoOptions): Promise<PartitionJudgement[]> {
  const workload = await readCasaoraWorkload()
  const judgements: PartitionJudgement[] = []
  for (const { table, key, every } of casaoraPartitions) {
    const statements = workload.filter(({ sql }) => new RegExp(`\\b${table.name}\\b`).test(sql))
    const judgement = await judgePartitioning(owner, { table, key }, statements, {
      ...{ every, recommends: false },
      // What it comes to: each month a partition of its own.
      layouts: (keys) => layoutsOf({ ...keys, now: new Date().toISOString() }, every).slice(-1),
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onStep ? { onStep: options.onStep } : {}),
    })
    options.onJudged?.(judgement)
    judgements.push(judgement)
  }
  return judgements
}

async function partitionAll(
  owner: Client,
  folder: string,
  run: RunOptions,
): Promise<{ subjects: HistorySubject[]; migrations: number }> {
  const subjects: HistorySubject[] = []
  let migrations = 0
  for (const request of casaoraPartitions) {
    const { subject, operations, refused } = await planPartitions(owner, request)
    if (!subject || !('cutoff' in subject))
      throw new Error(refused.map(({ name, reason }) => `${name}: ${reason}`).join('; '))
    await writeMigrations(
      folder,
      operations.map((operation) => ({ operation, operations: [operation] })),
    )
    const result = await up(await loadMigrations(folder), {}, run)
    if (result.failure) throw result.failure
    migrations += result.ran.length
    subjects.push(subject)
  }
  return { subjects, migrations }
}

async function takeBack(folder: string, run: RunOptions): Promise<void> {
  const migrations = await loadMigrations(folder)
  const { failure } = await down(migrations, { count: migrations.length }, run)
  if (failure) throw failure
}

/** Rows of the new partitions, and some that come before theirs and wait in the default one. */
async function addRows(
  looker: Client,
  subjects: readonly HistorySubject[],
): Promise<{ table: string; rows: number; totals: Partial<CasaoraTotals> }[]> {
  const added = []
  for (const { table, key, cutoff } of subjects) {
    const columns = table.columns.filter(({ name }) => ![key, 'id', 'price_cents'].includes(name))
    const list = columns.map(({ name }) => `"${name}"`).join(', ')
    const isBookings = table.name === 'bookings'
    const { rowCount } = await looker.query(
      `INSERT INTO ${qualified(table)} (${list}, "${key}"${isBookings ? ', price_cents' : ''})
       SELECT ${list}, $1::date + n % ${newDays}${isBookings ? ', 0' : ''}
       FROM generate_series(1, ${newRows}) n, (SELECT * FROM ${qualified(table)} LIMIT 1) one`,
      [dayOf(cutoff)],
    )
    const rows = rowCount ?? 0
    added.push({
      ...{ table: display(table), rows },
      totals: { [table.name]: rows, [`different ${table.name}`]: rows },
    })
  }
  return added
}

/** Reaches beyond the new rows, whatever the clock says. */
async function addPartitions(owner: Client, subjects: readonly HistorySubject[]): Promise<string[]> {
  const made: string[] = []
  for (const { every, cutoff, ahead, functions } of subjects) {
    const last = later(every, cutoff, ahead)
    const now = new Date()
    const months =
      12 * (last.getUTCFullYear() - now.getUTCFullYear()) + last.getUTCMonth() - now.getUTCMonth()
    const { rows } = await owner.query<{ name: string }>(
      `SELECT name FROM "${helperSchema}"."${functions.addPartitions}"($1) name`,
      [Math.max(1, months + 1)],
    )
    made.push(...rows.map(({ name }) => name))
  }
  return made
}

function clientsText(busy: LoadReport, alone: LoadReport): string {
  const ms = (value: number): string => `${value.toFixed(0)} ms`
  const failures = busy.failures.map((each) => `; ${each}`).join('')
  return `${busy.transactions} transactions, ${busy.failed} failed${failures}; longest wait ${ms(busy.worstMs)}, without migrations ${ms(alone.worstMs)}`
}
