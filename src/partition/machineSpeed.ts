import type { ClientBase } from 'pg'
import type { PlannedStatement } from '../advisor/plannedStatement.ts'
import { explainStatement } from '../advisor/plannedStatement.ts'
import { borrow } from '../postgres/database.ts'
import type { Explained } from '../postgres/explain.ts'
import { explain } from '../postgres/explain.ts'
import { calmMean } from './calmMean.ts'
import type { MachineSpeed } from './planTime.ts'
import { executionMs, referenceMs, referenceQuery } from './planTime.ts'
import { countWork } from './planWork.ts'

/** Ways of reading a table, each with the settings under which the planner takes it. */
const scans = {
  'Seq Scan': { enable_indexscan: 'off', enable_bitmapscan: 'off' },
  'Index Scan': { enable_seqscan: 'off', enable_bitmapscan: 'off' },
  'Bitmap Heap Scan': { enable_seqscan: 'off', enable_indexscan: 'off' },
}

/** A quarter of these rows is in the range that is read, and lies scattered over all pages. */
const rows = 160_000
const keys = 120
const keysInRange = 30
const scanRuns = 9
const cpuRuns = 100
/** Partitions of the table that is looked into for the price of one: so many that a call fills the processor's nearest caches. */
const partitions = 40
const rowsToLookInto = 4_000 * partitions
const callRuns = 31
/** Of what a way of reading takes, the rest is what the measured time does not explain. */
const leastFactor = 0.2

/**
 * Measures the machine that a session's server runs on, by a table that is gone afterwards. Other work of the machine only
 * adds to a time: of several, the lowest counts.
 *
 * @param prices the planner's, by the names of their settings
 */
export async function measureMachine(
  session: ClientBase,
  prices: ReadonlyMap<string, number>,
): Promise<MachineSpeed> {
  const cpu = (await leastMs(session, referenceQuery, cpuRuns)) / referenceMs
  await session.query(
    `CREATE SCHEMA hundredfold_speed;
     CREATE TABLE hundredfold_speed.rows (key integer, amount numeric(10, 2), filler text);
     INSERT INTO hundredfold_speed.rows
     SELECT (pg_catalog.hashint4(n) & 2147483647) % ${keys}, n / 100.0, pg_catalog.repeat('x', 60)
     FROM pg_catalog.generate_series(1, ${rows}) n;
     CREATE INDEX ON hundredfold_speed.rows (key)`,
  )
  try {
    await session.query('VACUUM ANALYZE hundredfold_speed.rows')
    const factors: MachineSpeed['scans'] = {}
    for (const [kind, settings] of Object.entries(scans)) {
      const factor = await measureScan(session, { kind, settings, prices, cpu })
      if (factor !== undefined) factors[kind] = factor
    }
    return { cpu, scans: factors, ...(await measureCalls(session)) }
  } finally {
    await session.query('DROP SCHEMA hundredfold_speed CASCADE')
  }
}

/**
 * Milliseconds of a call that finds one row by an index, and of each further partition that it looks into. A call is measured
 * right after the same one, as the other prices are of what the processor's caches hold: how much longer a call takes that finds
 * them used by others differs several times between machines.
 */
async function measureCalls(session: ClientBase): Promise<Pick<MachineSpeed, 'statementMs' | 'scanMs'>> {
  await session.query(
    `CREATE TABLE hundredfold_speed.one (id uuid, key integer, filler text);
     CREATE TABLE hundredfold_speed.parts (id uuid, key integer, filler text) PARTITION BY RANGE (key)`,
  )
  for (let at = 0; at < partitions; at += 1) {
    await session.query(
      `CREATE TABLE hundredfold_speed.parts_${at} PARTITION OF hundredfold_speed.parts FOR VALUES FROM (${at}) TO (${at + 1})`,
    )
  }
  for (const table of ['one', 'parts']) {
    await session.query(
      `INSERT INTO hundredfold_speed.${table} SELECT pg_catalog.md5(n::text)::uuid, n % ${partitions}, pg_catalog.repeat('x', 60)
       FROM pg_catalog.generate_series(1, ${rowsToLookInto}) n;
       CREATE INDEX ON hundredfold_speed.${table} (id); ANALYZE hundredfold_speed.${table}`,
    )
  }
  const times = { one: [] as number[], parts: [] as number[] }
  for (let run = 0; run < callRuns; run += 1) {
    // Far from one another, so that no two calls look at the same page.
    const row = 1 + ((run * 7_919) % rowsToLookInto)
    for (const table of ['one', 'parts'] as const) {
      await callMs(session, table, row)
      times[table].push(await callMs(session, table, row))
    }
  }
  const [one, parts] = [calmMean(times.one), calmMean(times.parts)]
  const scanMs = Math.max(0, parts - one) / (partitions - 1)
  return { statementMs: Math.max(0, one - scanMs), scanMs }
}

async function callMs(session: ClientBase, table: string, row: number): Promise<number> {
  await session.query('BEGIN')
  try {
    await session.query('SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off')
    await session.query(
      `PREPARE hundredfold_call (uuid) AS SELECT * FROM hundredfold_speed.${table} WHERE id = $1`,
    )
    const { rows: answer } = await session.query<{ 'QUERY PLAN': [Explained] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, BUFFERS, FORMAT JSON) EXECUTE hundredfold_call(pg_catalog.md5('${row}')::uuid)`,
    )
    return answer[0]?.['QUERY PLAN'][0]['Execution Time'] ?? 0
  } finally {
    await session.query('ROLLBACK')
    await session.query('DEALLOCATE ALL')
  }
}

interface Scan {
  kind: string
  settings: Record<string, string>
  prices: ReadonlyMap<string, number>
  cpu: number
}

/** Undefined where the planner does not read the table in this way. */
async function measureScan(
  session: ClientBase,
  { kind, settings, prices, cpu }: Scan,
): Promise<number | undefined> {
  const sql = `SELECT pg_catalog.count(amount) FROM hundredfold_speed.rows WHERE key >= 0 AND key < ${kind === 'Seq Scan' ? keys : keysInRange}`
  const statement: PlannedStatement = {
    ...{ name: kind, line: undefined, calls: 1, types: [], args: [[]], role: undefined, claims: undefined },
    sql,
  }
  const all = { ...settings, max_parallel_workers_per_gather: '0' }
  await session.query('BEGIN')
  try {
    const counted = await countWork(
      prices,
      async (raised) =>
        (await explainStatement(session, statement, [], 'custom', { ...all, ...raised })).Plan,
    )
    if (counted?.children[0]?.node['Node Type'] !== kind) return undefined
    const set = Object.entries(all).map(([name, value]) => `SET LOCAL ${name} = ${value}`)
    await session.query(set.join('; '))
    const measured = await leastMs(session, sql, scanRuns)
    const of = (factor: number): number =>
      executionMs(counted, { cpu, scans: { [kind]: factor }, statementMs: 0, scanMs: 0 })
    return Math.max(leastFactor, (measured - of(0)) / (of(1) - of(0)))
  } finally {
    await session.query('ROLLBACK')
  }
}

async function leastMs(session: ClientBase, sql: string, runs: number): Promise<number> {
  let least = Infinity
  for (let run = 0; run < runs; run += 1) {
    const explained = await explain(borrow(session), sql, 'ANALYZE, TIMING OFF')
    least = Math.min(least, explained['Execution Time'] ?? Infinity)
  }
  return least
}
