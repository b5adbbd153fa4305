import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { connect } from '../../postgres/connect.ts'
import { calmMean } from '../../partition/calmMean.ts'
import { median } from '../../median.ts'
import { benchRow } from '../bench.ts'
import type { CasaoraDatabase } from '../casaora/database.ts'
import type { BenchRow } from '../row.ts'
import type { Write } from './writeMix.ts'
import { writeMix } from './writeMix.ts'

const fasterAtLeast = 1.5
const walAtMost = 0.7

/** The cost of one round of writes on one database. */
interface Cost {
  ms: number
  walBytes: number
}

/** The number of HOT updates, which write only to the table, and of all updates. */
interface Updates {
  hot: number
  all: number
}

/** The database as it was, with only the useless indexes dropped, and with every migration applied. */
export interface WriteSides {
  before: CasaoraDatabase
  dropped: CasaoraDatabase
  after: CasaoraDatabase
}

/**
 * Sends the same writes by key to all three databases, committed one by one, a few on each in turn. Time and WAL come from
 * pg_stat_statements; it also counts how many updates were HOT.
 */
export async function writeRows(
  { before, dropped, after }: WriteSides,
  rounds: number,
  onStep: (text: string) => void,
): Promise<BenchRow[]> {
  const sides: Side[] = []
  try {
    for (const database of [before, dropped, after]) {
      sides.push({ writer: await openWriter(database), costs: [] })
    }
    // The first round fills caches and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      onStep(`writes, round ${round} of ${rounds}`)
      const starts = await readCosts(sides)
      // A few milliseconds on each in turn: a slow moment of the machine affects all three.
      for (const write of writeMix) {
        for (const { writer } of sides) await writer.write(write)
      }
      const ends = await readCosts(sides)
      if (round === 0) continue
      for (const [at, { costs }] of sides.entries()) {
        const [start, end] = [starts[at], ends[at]] as [Cost, Cost]
        costs.push({ ms: end.ms - start.ms, walBytes: end.walBytes - start.walBytes })
      }
    }
    const summaries: Summary[] = []
    for (const side of sides) summaries.push(await summarise(side))
    const [asWas, lean, all] = summaries as [Summary, Summary, Summary]
    const writes = writeMix.reduce((sum, { count }) => sum + count, 0)
    const tables = new Set(writeMix.map(({ table }) => table)).size
    const how = `${writes} inserts and updates by key on the ${tables} tables that lose indexes, of new rows as applications send them, committed one by one; mean of the calmer half of ${rounds} rounds, each kind of write on each database in turn, by pg_stat_statements`
    return [
      benchRow({
        id: 'writes',
        title: 'Writes to the tables whose useless indexes go',
        claim: '30-50 % faster',
        before: asWas.ms,
        after: lean.ms,
        unit: 'ms',
        met: asWas.ms / lean.ms >= fasterAtLeast,
        how: `${how}; the drops alone`,
      }),
      benchRow({
        id: 'writes_wal',
        title: 'WAL of these writes',
        claim: 'not promised',
        before: asWas.walBytes,
        after: lean.walBytes,
        unit: 'bytes',
        met: lean.walBytes / asWas.walBytes <= walAtMost,
        how: `${how}; without images of full pages, which more indexes make more of`,
      }),
      benchRow({
        id: 'writes_all',
        title: 'The same writes with every migration applied',
        claim: '30-50 % faster',
        before: asWas.ms,
        after: all.ms,
        unit: 'ms',
        met: all.ms <= asWas.ms && all.walBytes / asWas.walBytes <= walAtMost,
        how: `${how}; what the new indexes cost included; WAL ${(asWas.walBytes / all.walBytes).toFixed(1)}x less`,
      }),
      benchRow({
        id: 'writes_hot',
        title: 'Updates that must write to every index (not HOT)',
        claim: 'not promised',
        before: asWas.notHotPercent,
        after: all.notHotPercent,
        unit: '%',
        met: all.notHotPercent <= asWas.notHotPercent,
        how: `of ${all.updates.toLocaleString('en-US')} updates with every migration applied`,
      }),
    ]
  } finally {
    await Promise.all(sides.map(({ writer }) => writer.close()))
  }
}

interface Side {
  writer: Writer
  costs: Cost[]
}

interface Summary extends Cost {
  updates: number
  notHotPercent: number
}

async function summarise({ writer, costs }: Side): Promise<Summary> {
  const { hot, all } = await writer.countUpdates()
  return {
    ms: calmMean(costs.map(({ ms }) => ms)),
    walBytes: median(costs.map(({ walBytes }) => walBytes)),
    updates: all,
    notHotPercent: (100 * (all - hot)) / all,
  }
}

async function readCosts(sides: Side[]): Promise<Cost[]> {
  const costs: Cost[] = []
  for (const { writer } of sides) costs.push(await writer.readCost())
  return costs
}

interface Writer {
  /** Sends all writes of one kind in a round. */
  write(kind: Write): Promise<void>
  /** The cost of all writes so far. */
  readCost(): Promise<Cost>
  countUpdates(): Promise<Updates>
  close(): Promise<void>
}

async function openWriter(database: CasaoraDatabase): Promise<Writer> {
  const superuser = await connect(database.superuserUrl)
  await superuser.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA extensions')
  let backend: Client | undefined = await connect(database.ownerUrl)
  const args = new Map<string, unknown[][]>()
  for (const { name, args: query } of writeMix) {
    const { rows } = await superuser.query<unknown[]>({ text: query, rowMode: 'array' })
    args.set(name, rows)
  }
  const taken = new Map<string, number>()
  const updatesBefore = await readUpdates(superuser)
  return {
    async write({ name, sql, count }) {
      const rows = args.get(name) ?? []
      for (let made = 0; made < count; made += 1) {
        const next = taken.get(name) ?? 0
        taken.set(name, next + 1)
        await backend?.query({ name, text: sql, values: rows[next % rows.length] ?? [] })
      }
    },
    readCost: () => readCost(superuser),
    async countUpdates() {
      // A session's counts are complete only after the session has ended.
      await backend?.end()
      backend = undefined
      await sleep(1_000)
      const now = await readUpdates(superuser)
      return { hot: now.hot - updatesBefore.hot, all: now.all - updatesBefore.all }
    },
    async close() {
      await backend?.end()
      await superuser.end()
    },
  }
}

async function readCost(superuser: Client): Promise<Cost> {
  const { rows } = await superuser.query<{ ms: number; wal: string }>(
    `SELECT coalesce(sum(total_exec_time), 0) AS ms, coalesce(sum(wal_bytes), 0) AS wal
     FROM extensions.pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND (query ILIKE 'INSERT INTO public.%' OR query ILIKE 'UPDATE public.%')`,
  )
  return { ms: rows[0]?.ms ?? 0, walBytes: Number(rows[0]?.wal ?? 0) }
}

async function readUpdates(superuser: Client): Promise<Updates> {
  const { rows } = await superuser.query<{ hot: string; all: string }>(
    `SELECT sum(n_tup_hot_upd) AS hot, sum(n_tup_upd) AS "all" FROM pg_catalog.pg_stat_user_tables
     WHERE schemaname = 'public' AND relname = ANY ($1)`,
    [[...new Set(writeMix.map(({ table }) => table))]],
  )
  return { hot: Number(rows[0]?.hot ?? 0), all: Number(rows[0]?.all ?? 0) }
}
