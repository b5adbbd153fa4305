import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { explainCall } from '../../advisor/plannedStatement.ts'
import { calmMean } from '../../partition/calmMean.ts'
import type { ForetoldStatement, Foretelling } from '../../partition/foretell.ts'
import { foretell, msOf } from '../../partition/foretell.ts'
import type { ForetoldUpkeep } from '../../partition/foretellUpkeep.ts'
import { calmMs, calmMsOutside } from '../../postgres/calmTime.ts'
import { connect } from '../../postgres/connect.ts'
import type { Server } from '../../servers/server.ts'
import { provideServer } from '../../servers/provideServer.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import { parseWorkload } from '../../workload/workloadFile.ts'
import type { Bench } from '../bench.ts'
import { median } from '../../median.ts'
import { benchRow } from '../bench.ts'
import { measureInTurn } from '../measure.ts'
import type { BenchRow } from '../row.ts'

/** The foretold ratio may be off by this share of the measured one. */
const tolerance = 0.2
const months = 45
const databases = { one: 'partition_one', parts: 'partition_parts' } as const
const keyed = { table: { schema: 'public', name: 'bookings' }, key: 'booking_date' }
/** Of a month's rows, those that change before its VACUUM. */
const changedShare = 0.3

/** A figure before and after, measured and foretold. */
interface Pair {
  before: number
  after: number
}

/**
 * Two million bookings in one table with good indexes, and in a partition for each of 45 months: measured in turn, and
 * beside it what the shadow foretold from the statistics of the one table, before there was a partition.
 */
export const partitionBench: Bench = {
  id: 'partition',
  title: 'Partitions, measured and foretold',
  rowIds: [
    'partition_dashboard',
    'partition_retention',
    'partition_retention_wal',
    'partition_vacuum',
    'partition_lookup',
    'partition_latest',
    'partition_planning',
  ],
  async run({ config, onStep, onServer, signal, only }) {
    // Both tables stay in memory.
    const server = await provideServer(config, {
      settings: { autovacuum: 'off', max_wal_size: '4GB', shared_buffers: '2GB', full_page_writes: 'on' },
    })
    try {
      onStep('loading two million bookings')
      await loadOne(server)
      const one = await connect(server.url(databases.one))
      try {
        const { rows } = await one.query<{ server_version: string }>('SHOW server_version')
        onServer?.(rows[0]?.server_version ?? '')
        const workload = parseWorkload(await readSql('workload.sql'))
        const foretellOf = (statements: readonly WorkloadStatement[]) =>
          foretell(one, keyed, statements, {
            layouts: () => [byMonth],
            changedShare,
            onStep: (text) => onStep(`foretelling: ${text}`),
          })
        const { upkeep } = await foretellOf(workload)
        if (!upkeep) throw new Error('nothing was foretold of VACUUM')
        signal?.throwIfAborted()
        onStep('copying them into 45 partitions')
        await loadParts(server)
        const parts = await connect(server.url(databases.parts))
        try {
          const both = [one, parts] as const
          const measured = await measureRows(both, workload, { onStep, foretellOf, upkeep })
          return measured.filter(
            ({ id }) => only === undefined || only.includes(id) || only.includes('partition'),
          )
        } finally {
          await parts.end()
        }
      } finally {
        await one.end()
      }
    } finally {
      await dropAll(server)
      await server.stop()
    }
  },
}

const monthAt = (at: number): string => new Date(Date.UTC(2023, at, 1)).toISOString().slice(0, 10)

const byMonth = {
  name: 'every month its own partition',
  partitions: Array.from({ length: months }, (_, at) => ({
    name: monthAt(at),
    from: monthAt(at),
    to: monthAt(at + 1),
  })),
}

function readSql(file: string): Promise<string> {
  return readFile(new URL(file, import.meta.url), 'utf8')
}

async function onDatabase(server: Server, database: string | undefined, statements: string[]): Promise<void> {
  const client = await connect(server.url(database))
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

async function loadOne(server: Server): Promise<void> {
  await dropAll(server)
  await onDatabase(server, undefined, [`CREATE DATABASE ${databases.one}`])
  await onDatabase(server, databases.one, [await readSql('bookings.sql'), 'VACUUM ANALYZE'])
}

async function loadParts(server: Server): Promise<void> {
  await onDatabase(server, undefined, [`CREATE DATABASE ${databases.parts}`])
  await onDatabase(server, databases.parts, [
    await readSql('bookings.sql'),
    await readSql('byMonth.sql'),
    // As dense as the indexes of the one table, which were built on its rows.
    'REINDEX TABLE public.bookings',
    'VACUUM ANALYZE',
    'CHECKPOINT',
  ])
}

async function dropAll(server: Server): Promise<void> {
  await onDatabase(
    server,
    undefined,
    Object.values(databases).map((name) => `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  )
}

type Both = readonly [one: Client, parts: Client]

interface MeasureRows {
  onStep: (text: string) => void
  foretellOf: (statements: readonly WorkloadStatement[]) => Promise<Foretelling>
  upkeep: ForetoldUpkeep
}

async function measureRows(
  both: Both,
  workload: readonly WorkloadStatement[],
  { onStep, foretellOf, upkeep }: MeasureRows,
): Promise<BenchRow[]> {
  const statements = await inTurn(async () => {
    const foretold = await foretellOf(workload)
    const pairs: Record<string, Turn> = {}
    for (const statement of workload) {
      onStep(statement.name)
      const measured = await oneAfterTheOther(both, async (client) => {
        const [own] = await measureInTurn([client], statement, {
          runs: 21,
          budgetMs: 10_000,
          choose: calmMean,
        })
        return own?.ms ?? NaN
      })
      const expected = foretoldOf(foretold, statement.name)
      pairs[statement.name] = {
        measured,
        foretold: { before: msOf(expected.before), after: expected.after ? msOf(expected.after) : NaN },
      }
      if (statement.name !== 'partition_lookup') continue
      onStep('planning')
      pairs.partition_planning = {
        measured: await measurePlanning(both, statement),
        foretold: { before: expected.before.planMs, after: expected.after?.planMs ?? NaN },
      }
    }
    return pairs
  })
  onStep('VACUUM')
  const vacuum = await measureVacuum(both)
  onStep('retention')
  const retention = await measureRetention(both, async () => retentionOf(await foretellOf([])))
  return [
    ...Object.entries(statements).map(([id, { measured, foretold }]) => rowOf(id, measured, foretold)),
    rowOf('partition_vacuum', vacuum, upkeep.vacuum),
    rowOf('partition_retention', retention.ms, retention.foretold),
    rowOf('partition_retention_wal', retention.wal, upkeep.retentionWal, 'bytes'),
  ]
}

/** One figure, measured and foretold right after one another. */
interface Turn {
  measured: Pair
  foretold: Pair
}

const leastTurns = 3
const mostTurns = 8
/** The two lowest values of a figure are as near to one another when the machine was calm twice. */
const calmWithin = 0.08

/**
 * Measures and foretells in turn: within minutes a machine may get twice as slow. Of each time the lowest counts: other
 * work of the machine only adds to it. So it goes on until the two lowest agree.
 */
async function inTurn(measure: () => Promise<Record<string, Turn>>): Promise<Record<string, Turn>> {
  const all: Record<string, Turn>[] = []
  const pairsOf = (id: string, what: keyof Turn): Pair[] => all.flatMap((turn) => turn[id]?.[what] ?? [])
  while (all.length < mostTurns) {
    all.push(await measure())
    const isSettled = Object.keys(all[0] ?? {}).every((id) =>
      (['measured', 'foretold'] as const).every((what) => isCalm(pairsOf(id, what))),
    )
    if (all.length >= leastTurns && isSettled) break
  }
  return Object.fromEntries(
    Object.keys(all[0] ?? {}).map((id): [string, Turn] => [
      id,
      { measured: leastOf(pairsOf(id, 'measured')), foretold: leastOf(pairsOf(id, 'foretold')) },
    ]),
  )
}

/** Whether the two lowest values of both figures agree. */
function isCalm(pairs: readonly Pair[]): boolean {
  return (['before', 'after'] as const).every((side) => {
    const [least = 0, next = Infinity] = pairs.map((pair) => pair[side]).sort((one, other) => one - other)
    return next - least <= calmWithin * least
  })
}

function leastOf(pairs: readonly Pair[]): Pair {
  return {
    before: Math.min(...pairs.map(({ before }) => before)),
    after: Math.min(...pairs.map(({ after }) => after)),
  }
}

function foretoldOf({ layouts }: Foretelling, name: string): ForetoldStatement {
  const found = layouts[0]?.statements.find(({ statement }) => statement.name === name)
  if (!found?.after) throw new Error(`nothing was foretold of ${name}`)
  return found
}

const titles: Record<string, string> = {
  partition_dashboard: "One month's dashboard: one table -> 45 partitions",
  partition_retention: 'A month of old rows goes: DELETE -> DROP of its partition',
  partition_retention_wal: 'The same: WAL',
  partition_vacuum: "VACUUM after a month's changes: the table -> its partition",
  partition_lookup: 'Lookup by id, without the key: one table -> 45 partitions',
  partition_latest: "A user's latest 20, without the key: one table -> 45 partitions",
  partition_planning: 'Planning of a lookup: one table -> 45 partitions',
}

function rowOf(id: string, measured: Pair, expected: Pair, unit = 'ms'): BenchRow {
  const ratio = measured.before / measured.after
  const foretold = expected.before / expected.after
  const off = foretold / ratio - 1
  const figure = (value: number): string => Number(value.toPrecision(3)).toString()
  return benchRow({
    id,
    title: titles[id] ?? id,
    claim: `foretold within ${100 * tolerance} %`,
    ...measured,
    unit,
    met: Math.abs(off) <= tolerance,
    how:
      `measured ${directionOf(ratio)}, foretold ${directionOf(foretold)}: ${(100 * off).toFixed(0)} % off; ` +
      `measured ${figure(measured.before)} -> ${figure(measured.after)} ${unit}, foretold ${figure(expected.before)} -> ${figure(expected.after)} ${unit} from the statistics of the one table; ` +
      '2 million rows, warm, in turn',
  })
}

/** `2.1x faster`, `17x slower`. */
function directionOf(ratio: number): string {
  const times = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)}x`
  return ratio >= 1 ? `${times(ratio)} less` : `${times(1 / ratio)} more`
}

/**
 * What takes microseconds takes half as long again where each run follows one on the other database, whatever warms up in
 * between. The shadow measures one database after the other too.
 */
async function oneAfterTheOther(
  [one, parts]: Both,
  measure: (client: Client) => Promise<number>,
): Promise<Pair> {
  const before = await measure(one)
  return { before, after: await measure(parts) }
}

const planningRuns = 60

function measurePlanning(both: Both, statement: WorkloadStatement): Promise<Pair> {
  return oneAfterTheOther(both, async (client) => {
    const times: number[] = []
    for (let run = 0; run < planningRuns; run += 1) {
      const args = statement.args[run % statement.args.length] ?? []
      times.push((await explainCall(client, statement, args, 'custom'))['Planning Time'] ?? NaN)
    }
    return calmMean(times)
  })
}

/** Months of which none is touched twice. Of their times the lowest counts: other work of the machine only adds to it. */
const vacuumed = [18, 20, 22, 24, 26, 28, 30]
const retired = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
/** Of these, so many between two foretellings. */
const perTurn = 4

const partitionOf = (at: number): string => `bookings_${monthAt(at).slice(0, 7).replace('-', '_')}`
const inMonth = (at: number): string =>
  `booking_date >= '${monthAt(at)}' AND booking_date < '${monthAt(at + 1)}'`

async function measureVacuum([one, parts]: Both): Promise<Pair> {
  const times: [number[], number[]] = [[], []]
  for (const at of vacuumed) {
    for (const client of [one, parts]) {
      await client.query(
        `UPDATE bookings SET customer_id = customer_id % 20000 + 1
         WHERE ${inMonth(at)} AND hashtext(id::text) & 1023 < ${1024 * changedShare}`,
      )
    }
    times[0].push(await calmMsOutside(one, 'VACUUM bookings'))
    times[1].push(await calmMsOutside(parts, `VACUUM ${partitionOf(at)}`))
  }
  return { before: Math.min(...times[0]), after: Math.min(...times[1]) }
}

function retentionOf({ upkeep }: Foretelling): Pair {
  if (!upkeep) throw new Error('nothing was foretold of retention')
  return upkeep.retention
}

/**
 * Measured and foretold in turn; what a file system takes to give files back varies most of all. Rows are deleted and
 * partitions dropped one after the other, so that each of them finds its own server's memory warm, as the other rows do.
 */
async function measureRetention(
  [one, parts]: Both,
  retentionAgain: () => Promise<Pair>,
): Promise<{ ms: Pair; foretold: Pair; wal: Pair }> {
  const runs = { one: [] as Written[], parts: [] as Written[] }
  const foretold: Pair[] = []
  for (let from = 0; from < retired.length; from += perTurn) {
    foretold.push(await retentionAgain())
    for (const [client, written, statementOf] of [
      [one, runs.one, (at: number) => `DELETE FROM bookings WHERE ${inMonth(at)}`],
      [parts, runs.parts, (at: number) => `DROP TABLE ${partitionOf(at)}`],
    ] as const) {
      for (const at of retired.slice(from, from + perTurn)) {
        await client.query(`SELECT count(note) FROM bookings WHERE ${inMonth(at)}`)
        // Nobody has changed old rows since the last checkpoint, nor the catalog.
        await client.query('CHECKPOINT')
        written.push(await writing(client, statementOf(at)))
      }
    }
  }
  const all = (of: Written[], what: keyof Written): number[] => of.map((each) => each[what])
  return {
    ms: { before: Math.min(...all(runs.one, 'ms')), after: Math.min(...all(runs.parts, 'ms')) },
    foretold: leastOf(foretold),
    wal: { before: median(all(runs.one, 'wal')), after: median(all(runs.parts, 'wal')) },
  }
}

interface Written {
  ms: number
  wal: number
}

async function writing(client: Client, sql: string): Promise<Written> {
  const position = async (): Promise<number> => {
    const { rows } = await client.query<{ at: number }>(
      `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS at`,
    )
    return rows[0]?.at ?? NaN
  }
  const before = await position()
  const ms = await calmMs(client, sql)
  return { ms, wal: (await position()) - before }
}
