import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { PlanNode } from '../postgres/explain.ts'
import { explain } from '../postgres/explain.ts'
import { underSavepoint } from '../postgres/savepoint.ts'

/** A statement to plan, and as whom: `role` with `claims` is how PostgREST runs a request. */
export interface PlannedQuery {
  /** With literals; a parameter has no value to plan for. */
  sql: string
  role?: string
  /** What `auth.jwt()` returns; an object becomes JSON. */
  claims?: Record<string, unknown>
}

/** What the planner should avoid where it can. */
export interface Discouraged {
  sorts?: boolean
}

/**
 * The plan that PostgreSQL makes for the query as that role; nothing is executed. Sequential scans are discouraged, so
 * that the answer shows what an index can serve, however few rows there are today. A savepoint undoes the settings:
 * call it inside a transaction.
 */
export async function planWithIndexes(
  db: Database,
  query: PlannedQuery,
  { sorts = false }: Discouraged = {},
): Promise<PlanNode> {
  return underSavepoint(db, async () => {
    await sql`SELECT set_config('enable_seqscan', 'off', true)`.execute(db)
    if (sorts) await sql`SELECT set_config('enable_sort', 'off', true)`.execute(db)
    if (query.claims) {
      const claims = JSON.stringify(query.claims)
      await sql`SELECT set_config('request.jwt.claims', ${claims}, true)`.execute(db)
    }
    if (query.role) await sql`SET LOCAL ROLE ${sql.id(query.role)}`.execute(db)
    return (await explain(db, query.sql)).Plan
  })
}

/** Names of all indexes that the plan reads. */
export function indexesIn(plan: PlanNode): string[] {
  const own = plan['Index Name'] === undefined ? [] : [plan['Index Name']]
  return [...own, ...(plan.Plans ?? []).flatMap(indexesIn)]
}
