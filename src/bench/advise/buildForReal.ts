import type { Client } from 'pg'
import type { CatalogOfCandidates } from '../../advisor/candidates.ts'
import type { PlannedStatement } from '../../advisor/plannedStatement.ts'
import { planStatement } from '../../advisor/plannedStatement.ts'
import type { Use } from '../../advisor/upkeep.ts'
import { upkeepOf } from '../../advisor/upkeep.ts'
import type { TableIndex } from '../../catalog/indexes.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import { readOnce } from '../../catalog/reader.ts'
import { borrow } from '../../postgres/database.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import { measure } from '../measure.ts'

/** What a workload costs with indexes that are there. */
export interface Real {
  indexes: number
  /** Indexes for which there was no room. */
  leftOut: number
  bytes: number
  /** The planner's, of all statements as often as they are sent. */
  cost: number
  /** What writes and planning pay for the new indexes, in the planner's units. */
  upkeep: number
  /** Shared buffers touched, of all statements as often as they are sent. */
  buffers: number
}

export interface RealInput {
  /** Statements to plan: those of functions among them. */
  planned: readonly PlannedStatement[]
  /** Statements to run. */
  workload: readonly WorkloadStatement[]
  uses: readonly Use[]
  width: (index: TableIndex) => number
  /** No further index is built once these bytes would be exceeded. */
  budget: number
}

const prefix = 'built_'

/** Builds the indexes, plans and runs the workload, and drops them. */
export async function buildForReal(
  client: Client,
  definitions: readonly string[],
  { planned, workload, uses, width, budget }: RealInput,
): Promise<Real> {
  const before = await read(client)
  try {
    const bytes = await build(client, definitions, budget)
    const all = await read(client)
    const built = all.filter(({ name }) => name.startsWith(prefix))
    let cost = 0
    await client.query('BEGIN')
    for (const statement of planned) cost += statement.calls * (await costOfReal(client, statement))
    await client.query('ROLLBACK')
    let buffers = 0
    for (const statement of workload) {
      buffers += statement.calls * (await measure(client, statement, { runs: 1, budgetMs: 0 })).buffers
    }
    const upkeep = built.reduce((sum, index) => sum + upkeepOf(index, before, uses, width(index)), 0)
    const leftOut = definitions.length - built.length
    return { indexes: built.length, leftOut, bytes, cost, upkeep, buffers }
  } finally {
    for (const at of definitions.keys()) await client.query(`DROP INDEX IF EXISTS public.${prefix}${at}`)
    // Updates were rolled back, and left dead versions.
    await client.query('VACUUM')
  }
}

/** @returns bytes of what was built */
async function build(client: Client, definitions: readonly string[], budget: number): Promise<number> {
  let bytes = 0
  for (const [at, definition] of definitions.entries()) {
    await client.query(`CREATE INDEX ${prefix}${at} ${definition}`)
    const { rows } = await client.query<{ size: string }>(
      `SELECT pg_catalog.pg_relation_size('public.${prefix}${at}') AS size`,
    )
    const size = Number(rows[0]?.size)
    if (bytes + size > budget) await client.query(`DROP INDEX public.${prefix}${at}`)
    else bytes += size
  }
  // Only so do expressions get statistics. Elsewhere another sample would make a difference that is none of the indexes'.
  const { rows } = await client.query<{ table: string }>(
    `SELECT DISTINCT i.indrelid::regclass::text AS "table" FROM pg_catalog.pg_index i
     JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
     WHERE c.relname ~ '^${prefix}' AND i.indexprs IS NOT NULL`,
  )
  for (const { table } of rows) await client.query(`ANALYZE ${table}`)
  return bytes
}

async function costOfReal(client: Client, statement: PlannedStatement): Promise<number> {
  let sum = 0
  for (const args of statement.args) {
    const root = await planStatement(client, statement, args, statement.isGeneric ? 'generic' : 'custom')
    sum += root['Total Cost']
  }
  return sum / statement.args.length
}

async function read(client: Client): Promise<TableIndex[]> {
  await client.query(`BEGIN; SET LOCAL search_path = ''`)
  try {
    return await readOnce(borrow(client))(listIndexes)
  } finally {
    await client.query('ROLLBACK')
  }
}

/** How wide an index's entries are, by the statistics of its columns. */
export function widthBy(catalog: CatalogOfCandidates): (index: TableIndex) => number {
  return ({ table, keys, included }) =>
    catalog.width(
      table,
      [...keys, ...included].map(({ text }) => text),
    )
}
