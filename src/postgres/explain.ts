import { sql } from './sql.ts'
import type { Database } from './database.ts'

/** A node of EXPLAIN (FORMAT JSON), with the fields that we read. Costs are in the planner's units, times in milliseconds. */
export interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  Schema?: string
  Alias?: string
  'Index Name'?: string
  'Join Type'?: string
  'Subplan Name'?: string
  /** Partitions that were left out when the statement started. */
  'Subplans Removed'?: number
  'Parent Relationship'?: string
  Strategy?: string
  Filter?: string
  'Index Cond'?: string
  'Join Filter'?: string
  'Startup Cost': number
  'Total Cost': number
  'Plan Rows': number
  /** Bytes of a row on average. */
  'Plan Width'?: number
  'Actual Rows'?: number
  'Actual Loops'?: number
  'Actual Total Time'?: number
  'Rows Removed by Filter'?: number
  'Sort Method'?: string
  'Sort Space Type'?: string
  'Hash Batches'?: number
  'HashAgg Batches'?: number
  'Temp Written Blocks'?: number
  'Shared Hit Blocks'?: number
  'Shared Read Blocks'?: number
  Plans?: PlanNode[]
}

/** What EXPLAIN says about one statement. Times are in milliseconds; only an executed statement has an execution time. */
export interface Explained {
  Plan: PlanNode
  'Planning Time'?: number
  'Execution Time'?: number
}

/**
 * `explain(db, 'SELECT 1', 'ANALYZE, BUFFERS')` -> `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT 1`
 *
 * @param statement exactly one statement: it is put into a larger text as it is
 */
export async function explain(db: Database, statement: string, options = ''): Promise<Explained> {
  const all = options === '' ? 'FORMAT JSON' : `${options}, FORMAT JSON`
  const { rows } = await sql.raw<{ 'QUERY PLAN': [Explained] }>(`EXPLAIN (${all}) ${statement}`).execute(db)
  const [row] = rows
  if (!row) throw new Error('EXPLAIN returned no plan')
  return row['QUERY PLAN'][0]
}
