import type { ClientBase } from 'pg'
import type { Explained, PlanNode } from '../postgres/explain.ts'
import { quote } from '../postgres/identifiers.ts'
import { errorCode } from '../postgres/sqlState.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'

/** A statement of the workload, or of a function that one of them calls. */
export interface PlannedStatement extends WorkloadStatement {
  /** Nobody knows its arguments: it is planned for any. */
  isGeneric?: true
  /** Of the function that it is part of, or under which its tables are found. */
  searchPath?: string
  /** What each of `args` stands for, as a share of the calls; all for the same where absent. */
  shares?: number[]
  /** Its arguments are values of real rows, read from statistics within the shadow. */
  usesStatistics?: true
  /** As pg_stat_statements counted them, where it did. */
  rowsPerCall?: number
  /** Milliseconds of planning, for one call on average. */
  planMs?: number
  /** What one of the planner's units counts in the choice: calls, and how much longer it takes than its cost says. */
  weight?: number
}

/** Calls, weighed by the measured time where there is one. */
export const weightOf = ({ weight, calls }: PlannedStatement): number => weight ?? calls

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
  return (await explainStatement(client, statement, args, kind, settings)).Plan
}

/** As `planStatement`, with the time that planning took. */
export async function explainStatement(
  client: ClientBase,
  statement: PlannedStatement,
  args: readonly string[],
  kind: 'custom' | 'generic',
  settings: Record<string, string> = {},
): Promise<Explained> {
  await client.query('SAVEPOINT hundredfold_plan')
  try {
    return await explainPrepared(client, statement, args, kind, settings, (messages) =>
      client.query(messages.join(';\n')),
    )
  } finally {
    await client.query('ROLLBACK TO hundredfold_plan; RELEASE hundredfold_plan; DEALLOCATE ALL')
  }
}

/**
 * As `explainStatement`, as a client's call comes: in a transaction of its own, after a pause since the last message. Both
 * make planning take longer than right after another plan.
 */
export async function explainCall(
  client: ClientBase,
  statement: PlannedStatement,
  args: readonly string[],
  kind: 'custom' | 'generic',
): Promise<Explained> {
  await client.query('BEGIN')
  try {
    return await explainPrepared(client, statement, args, kind, {}, async (messages) => {
      const results = []
      for (const message of messages) results.push(await client.query(message))
      return results
    })
  } finally {
    await client.query('ROLLBACK; DEALLOCATE ALL')
  }
}

/** @param send sends the statements in one message or more, and says what the server answers */
async function explainPrepared(
  client: ClientBase,
  statement: PlannedStatement,
  args: readonly string[],
  kind: 'custom' | 'generic',
  settings: Record<string, string>,
  send: (messages: string[]) => Promise<unknown>,
): Promise<Explained> {
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
  try {
    const results = await send([
      `SELECT ${set.join(', ')}`,
      ...(statement.role === undefined ? [] : [`SET LOCAL ROLE ${quote(statement.role)}`]),
      // The statement may end with a comment.
      `PREPARE hundredfold_statement ${types} AS ${statement.sql}\n`,
      `EXPLAIN (VERBOSE, SUMMARY, FORMAT JSON) EXECUTE hundredfold_statement${values}`,
    ])
    const last = (results as { rows: { 'QUERY PLAN': [Explained] }[] }[]).at(-1)
    const explained = last?.rows[0]?.['QUERY PLAN'][0]
    if (!explained) throw new Error('EXPLAIN returned no plan')
    const hidesValues = statement.usesStatistics && kind === 'custom'
    return hidesValues ? { ...explained, Plan: withoutExpressions(explained.Plan) } : explained
  } catch (error) {
    if (!statement.usesStatistics) throw error
    // The message may hold one of the values.
    throw new Error(
      `PostgreSQL does not plan it with values of its statistics (${errorCode(error) ?? 'no code'})`,
    )
  }
}

const structure = [
  'Node Type',
  'Relation Name',
  'Schema',
  'Alias',
  'Index Name',
  'Join Type',
  'Subplan Name',
  'Parent Relationship',
  'Strategy',
  'Startup Cost',
  'Total Cost',
  'Plan Rows',
] as const satisfies (keyof PlanNode)[]

/** The plan without its conditions, which hold the values that it was made for. */
function withoutExpressions(node: PlanNode): PlanNode {
  const kept = Object.fromEntries(
    structure.flatMap((key) => (node[key] === undefined ? [] : [[key, node[key]]])),
  )
  const plans = node.Plans?.map(withoutExpressions)
  return { ...kept, ...(plans ? { Plans: plans } : {}) } as PlanNode
}
