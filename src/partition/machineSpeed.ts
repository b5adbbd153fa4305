import type { ClientBase } from 'pg'
import type { PlannedStatement } from '../advisor/plannedStatement.ts'
import { explainStatement } from '../advisor/plannedStatement.ts'
import { borrow } from '../postgres/database.ts'
import { explain } from '../postgres/explain.ts'
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
    return { cpu, scans: factors }
  } finally {
    await session.query('DROP SCHEMA hundredfold_speed CASCADE')
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
    const of = (factor: number): number => executionMs(counted, { cpu, scans: { [kind]: factor } })
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
