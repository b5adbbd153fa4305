import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { DatabaseError } from 'pg'
import type { Advice } from '../../advisor/advise.ts'
import { advise } from '../../advisor/advise.ts'
import { definitionOf } from '../../advisor/candidates.ts'
import { connect } from '../../postgres/connect.ts'
import { quote } from '../../postgres/identifiers.ts'
import { provideServer } from '../../servers/provideServer.ts'
import type { Server, ServerOptions } from '../../servers/server.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { benchRow } from '../bench.ts'
import type { CasaoraRows } from '../casaora/load.ts'
import type { Measurement } from '../measure.ts'
import { measureInTurn } from '../measure.ts'
import type { BenchRow } from '../row.ts'
import { loadTpch, readTpchQueries } from './tpch/database.ts'

const scales: Record<CasaoraRows, number> = { tiny: 0.01, small: 0.05, medium: 0.1, large: 0.1 }

/** Their sub-queries look through all lines of orders for each part: without an index they would outweigh all others. */
const apart = ['q17', 'q20']
const apartAtMostMs = 20_000

const atMost = 0.72
const mostSlower = 1.15
/** A difference below that is the machine's. */
const slowerByMs = 0.5

const quickly = { runs: 5, budgetMs: 2_500 }
const carefully = { runs: 15, budgetMs: 6_000 }

/** Everything stays in memory, and no query is spread over processes: the times are those of the plans alone. */
const server: ServerOptions = {
  settings: { shared_buffers: '512MB', work_mem: '64MB', max_parallel_workers_per_gather: '0' },
}

/** TPC-H's queries with its primary keys alone, and with the indexes that `advise` names. */
export const tpchBench: Bench = {
  id: 'advise_tpch',
  title: "Advice for TPC-H's queries",
  async run(context) {
    const started = await provideServer(context.config, server)
    try {
      return [await onTwoDatabases(started, context)]
    } finally {
      await started.stop()
    }
  },
}

async function onTwoDatabases(started: Server, context: BenchContext): Promise<BenchRow> {
  const suffix = randomBytes(4).toString('hex')
  const [base, advised] = [`tpch_${suffix}`, `tpch_${suffix}_advised`]
  const administrator = await connect(started.url())
  const sessions: Client[] = []
  const open = async (database: string): Promise<Client> => {
    const session = await connect(started.url(database))
    sessions.push(session)
    return session
  }
  try {
    await administrator.query(`CREATE DATABASE ${quote(base)}`)
    const before = await open(base)
    context.onStep(`filling TPC-H's tables at scale ${scales[context.rows]}`)
    await loadTpch(before, scales[context.rows])
    const queries = await readTpchQueries()
    const start = performance.now()
    const advice = await advise(before, queries, { onStep: context.onStep })
    const adviseMs = performance.now() - start
    await before.end()
    await administrator.query(`CREATE DATABASE ${quote(advised)} TEMPLATE ${quote(base)}`)
    const sides: [Client, Client] = [await open(base), await open(advised)]
    context.onStep(`building ${advice.indexes.length} indexes`)
    for (const { candidate, extension } of advice.indexes) {
      if (extension) {
        const { name, schema } = extension
        await sides[1].query(`CREATE EXTENSION IF NOT EXISTS ${quote(name)} SCHEMA ${quote(schema)}`)
      }
      await sides[1].query(`CREATE INDEX ${definitionOf(candidate)}`)
    }
    for (const side of sides) await side.query('VACUUM (ANALYZE)')
    const measured = await measureQueries(sides, queries, context)
    const aside = await measureApart(sides, queries, context)
    return toRow({ scale: scales[context.rows], advice, adviseMs, measured, aside })
  } finally {
    await Promise.all(sessions.map((session) => session.end().catch(() => undefined)))
    for (const database of [advised, base]) {
      await administrator.query(`DROP DATABASE IF EXISTS ${quote(database)} WITH (FORCE)`)
    }
    await administrator.end()
  }
}

/** A query on both databases. */
interface MeasuredQuery {
  name: string
  before: Measurement
  after: Measurement
}

/** Measures all but those that are told apart, and again with more runs where the advised side seems slower. */
async function measureQueries(
  sides: [Client, Client],
  queries: readonly WorkloadStatement[],
  { onStep, signal }: BenchContext,
): Promise<MeasuredQuery[]> {
  const measured: MeasuredQuery[] = []
  for (const query of queries.filter(({ name }) => !apart.includes(name))) {
    signal?.throwIfAborted()
    onStep(`measuring ${query.name}`)
    const once = await measureBoth(sides, query, quickly)
    measured.push(isSlower(once) ? await measureBoth(sides, query, carefully) : once)
  }
  return measured
}

async function measureBoth(
  sides: [Client, Client],
  query: WorkloadStatement,
  options: typeof quickly,
): Promise<MeasuredQuery> {
  const [before, after] = await measureInTurn(sides, query, options)
  if (!before || !after) throw new Error(`${query.name} was not measured on both databases`)
  return { name: query.name, before, after }
}

function isSlower({ before, after }: MeasuredQuery): boolean {
  return after.ms > before.ms * mostSlower && after.ms - before.ms > slowerByMs
}

/** `q17 5,857 ms -> 32 ms`, run once on each side; cut off at the limit. */
async function measureApart(
  sides: [Client, Client],
  queries: readonly WorkloadStatement[],
  { onStep, signal }: BenchContext,
): Promise<string[]> {
  const told: string[] = []
  for (const query of queries.filter(({ name }) => apart.includes(name))) {
    signal?.throwIfAborted()
    onStep(`measuring ${query.name}, for at most ${apartAtMostMs / 1000} s`)
    const [before, after] = [await runWithLimit(sides[0], query), await runWithLimit(sides[1], query)]
    told.push(`${query.name} ${before} -> ${after}`)
  }
  return told
}

async function runWithLimit(client: Client, { sql }: WorkloadStatement): Promise<string> {
  await client.query(`SET statement_timeout = ${apartAtMostMs}`)
  const start = performance.now()
  try {
    await client.query(sql)
    return `${Math.round(performance.now() - start).toLocaleString('en-US')} ms`
  } catch (error) {
    const canceled = '57014'
    if (error instanceof DatabaseError && error.code === canceled) return `over ${apartAtMostMs / 1000} s`
    throw error
  } finally {
    await client.query('RESET statement_timeout')
  }
}

interface Outcome {
  scale: number
  advice: Advice
  adviseMs: number
  measured: MeasuredQuery[]
  aside: string[]
}

function toRow({ scale, advice, adviseMs, measured, aside }: Outcome): BenchRow {
  const sum = (of: (query: MeasuredQuery) => number): number =>
    measured.reduce((total, query) => total + of(query), 0)
  const before = sum((query) => query.before.ms)
  const after = sum((query) => query.after.ms)
  const slower = measured.filter(isSlower).map(({ name }) => name)
  const factors = measured.map((query) => ({ name: query.name, factor: query.after.ms / query.before.ms }))
  const slowest = factors.reduce((most, each) => (each.factor > most.factor ? each : most))
  const bytes = advice.indexes.reduce((total, { index }) => total + index.sizeBytes, 0)
  return benchRow({
    id: 'advise_tpch',
    title: `TPC-H at scale ${scale}, ${measured.length} queries: primary keys, then the indexes that advise names`,
    claim: `at most ${atMost} of the base, none more than ${mostSlower} times slower`,
    before,
    after,
    unit: 'ms',
    met: after <= before * atMost && slower.length === 0,
    buffers: { before: sum((query) => query.before.buffers), after: sum((query) => query.after.buffers) },
    how:
      `${(after / before).toFixed(3)} of the base, without any budget; medians of warm runs on both in turn, everything in memory, without parallel plans; ` +
      `the most by which one is slower: ${slowest.name}, ${slowest.factor.toFixed(2)} times; apart from the sum ${aside.join(', ')}; ` +
      `${advice.indexes.length} indexes, ${Math.round(bytes / 1024 / 1024)} MB, advised in ${(adviseMs / 1000).toFixed(1)} s with a gap of ${(advice.gap * 100).toFixed(2)} %; ` +
      `the base has primary keys only; rows and the CTE of query 15 are ours, so these are no TPC-H results`,
  })
}
