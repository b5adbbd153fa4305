import type { ClientBase } from 'pg'
import type { PlanNode } from '../postgres/explain.ts'
import { quote } from '../postgres/identifiers.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'

/** A statement of the workload, or of a function that one of them calls. */
export interface PlannedStatement extends WorkloadStatement {
  /** Nobody knows its arguments: it is planned for any. */
  isGeneric?: true
  /** Of the function that it is part of. */
  searchPath?: string
}

/** What one of the planner's units counts in the choice: calls. */
export const weightOf = ({ calls }: PlannedStatement): number => calls

/**
 * The plan of a statement as its role with its claims, nothing executed, inside the current transaction. What is set
 * for it is taken back.
 *
 * ```sql
 * SET LOCAL ROLE authenticated; SELECT set_config('request.jwt.claims', '{"sub": ...}', true);
 * PREPARE hundredfold_statement (int) AS SELECT ... WHERE city_id = $1;
 * EXPLAIN (FORMAT JSON) EXECUTE hundredfold_statement(35);
 * ```
 *
 * @param settings of the planner, such as `{ enable_indexscan: 'off' }`
 */
export async function planStatement(
  client: ClientBase,
  statement: PlannedStatement,
  args: readonly string[],
  kind: 'custom' | 'generic',
  settings: Record<string, string> = {},
): Promise<PlanNode> {
  const types = statement.types.length > 0 ? `(${statement.types.join(', ')})` : ''
  const values = args.length > 0 ? `(${args.join(', ')})` : ''
  const all = {
    plan_cache_mode: `force_${kind}_plan`,
    ...settings,
    ...(statement.searchPath === undefined ? {} : { search_path: statement.searchPath }),
    'request.jwt.claims': JSON.stringify(statement.claims ?? {}),
  }
  const set = Object.entries(all).map(
    ([name, value]) =>
      `pg_catalog.set_config(${client.escapeLiteral(name)}, ${client.escapeLiteral(value)}, true)`,
  )
  await client.query('SAVEPOINT hundredfold_plan')
  try {
    const results = await client.query(
      `SELECT ${set.join(', ')};
       ${statement.role === undefined ? '' : `SET LOCAL ROLE ${quote(statement.role)};`}
       PREPARE hundredfold_statement ${types} AS ${statement.sql};
       EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE hundredfold_statement${values}`,
    )
    const last = (results as unknown as { rows: { 'QUERY PLAN': [{ Plan: PlanNode }] }[] }[]).at(-1)
    const plan = last?.rows[0]?.['QUERY PLAN'][0].Plan
    if (!plan) throw new Error('EXPLAIN returned no plan')
    return plan
  } finally {
    await client.query('ROLLBACK TO hundredfold_plan; RELEASE hundredfold_plan; DEALLOCATE ALL')
  }
}
