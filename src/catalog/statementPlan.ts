import { sql } from '../postgres/sql.ts'
import { messageOf } from '../errors.ts'
import type { Database } from '../postgres/database.ts'
import type { PlanNode } from '../postgres/explain.ts'
import { explain } from '../postgres/explain.ts'
import { underSavepoint } from '../postgres/savepoint.ts'
import { quote } from '../postgres/identifiers.ts'
import { parsableText } from '../syntax/normalisedText.ts'
import { splitStatements } from '../syntax/statements.ts'
import { NotSeen } from './notSeen.ts'

/** A statement's plan, and how it was made. */
export interface StatementPlan {
  root: PlanNode
  /** Whether it was made as the role that sends the statement, so that its policies are in it. */
  asRole: boolean
  /** Parameters, in order; empty where there are none. */
  parameterTypes: string[]
  /** The statement writes, or locks rows. */
  writes: boolean
}

/**
 * The plan that serves any parameters, made without executing anything, inside the current transaction:
 *
 * ```sql
 * PREPARE hundredfold_statement AS SELECT ... WHERE id = $1;
 * SET LOCAL plan_cache_mode = force_generic_plan;
 * EXPLAIN (FORMAT JSON) EXECUTE hundredfold_statement(NULL);
 * ```
 *
 * It works the same from PostgreSQL 14 to 18, while EXPLAIN (GENERIC_PLAN) begins with 16.
 *
 * @throws NotSeen where the text is cut off or no longer fits the schema.
 */
export async function explainGeneric(
  db: Database,
  statement: { text: string; role: string | null },
): Promise<StatementPlan> {
  const { text, writes } = await oneStatement(statement.text)
  const path = await searchPaths(db)
  let failure: unknown
  for (const asRole of statement.role === null ? [false] : [true, false]) {
    for (const searchPath of path) {
      try {
        return await underSavepoint(db, async () => {
          await sql`SELECT set_config('search_path', ${searchPath}, true),
            set_config('plan_cache_mode', 'force_generic_plan', true)`.execute(db)
          if (asRole && statement.role !== null)
            await sql.raw(`SET LOCAL ROLE ${quote(statement.role)}`).execute(db)
          const { root, parameterTypes } = await explainPrepared(db, text)
          return { root, asRole, parameterTypes, writes }
        })
      } catch (error) {
        failure = error
      }
    }
  }
  throw new NotSeen(`PostgreSQL does not plan it: ${messageOf(failure)}`)
}

/**
 * Executes the statement and reads the plan with its real rows and times, inside the current transaction, which the
 * caller rolls back. In a read-only transaction PostgreSQL refuses a statement that writes.
 *
 * @throws NotSeen where the statement has parameters, whose values nobody knows.
 */
export async function explainAnalyzed(
  db: Database,
  statement: { text: string; role: string | null },
): Promise<PlanNode> {
  const { text } = await oneStatement(statement.text)
  if (/\$\d/.test(text)) throw new NotSeen('it has parameters whose values pg_stat_statements does not keep')
  const [searchPath = ''] = await searchPaths(db)
  return underSavepoint(db, async () => {
    await sql`SELECT set_config('search_path', ${searchPath}, true)`.execute(db)
    if (statement.role !== null) await sql.raw(`SET LOCAL ROLE ${quote(statement.role)}`).execute(db)
    return (await explain(db, text, 'ANALYZE, BUFFERS, VERBOSE')).Plan
  })
}

async function explainPrepared(
  db: Database,
  text: string,
): Promise<{ root: PlanNode; parameterTypes: string[] }> {
  await sql.raw(`PREPARE hundredfold_statement AS ${text}`).execute(db)
  try {
    const prepared = await sql<{ types: string[] }>`
      SELECT parameter_types::text[] AS types FROM pg_catalog.pg_prepared_statements
      WHERE name = 'hundredfold_statement'`.execute(db)
    const parameterTypes = prepared.rows[0]?.types ?? []
    const values = parameterTypes.length > 0 ? `(${parameterTypes.map(() => 'NULL').join(', ')})` : ''
    const explained = await explain(db, `EXECUTE hundredfold_statement${values}`, 'VERBOSE')
    return { root: explained.Plan, parameterTypes }
  } finally {
    // Prepared statements outlive a rollback, and DEALLOCATE fails in a transaction that has failed.
    await sql`ROLLBACK TO SAVEPOINT hundredfold_look`.execute(db)
    await sql`DEALLOCATE hundredfold_statement`.execute(db)
  }
}

const explainable = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])

/** Refuses anything but exactly one statement that EXPLAIN accepts: the text goes unquoted into a larger one. */
async function oneStatement(text: string): Promise<{ text: string; writes: boolean }> {
  let parsed
  try {
    parsed = await splitStatements(parsableText(text))
  } catch {
    throw new NotSeen('its text is cut off, or is no SQL that the parser can read')
  }
  const [statement, ...more] = parsed
  if (!statement || more.length > 0) throw new NotSeen('its text is not exactly one statement')
  const kind = Object.keys(statement.node)[0] ?? ''
  if (!explainable.has(kind)) throw new NotSeen('EXPLAIN takes no statement of this kind')
  const tree = JSON.stringify(statement.node)
  return {
    text: statement.sql,
    writes:
      kind !== 'SelectStmt' || /"(InsertStmt|UpdateStmt|DeleteStmt|MergeStmt|LockingClause)":/.test(tree),
  }
}

/** Where names without a schema are looked up: in this session's `search_path`, then in every schema with tables. */
async function searchPaths(db: Database): Promise<string[]> {
  const result = await sql<{ own: string; all: string | null }>`
    SELECT (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path') AS own,
      (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(nspname), ', ' ORDER BY nspname <> 'public', nspname)
        FROM pg_catalog.pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
          AND pg_catalog.has_schema_privilege(oid, 'USAGE')) AS "all"`.execute(db)
  const [row] = result.rows
  return [row?.own ?? '', row?.all ?? ''].filter((path) => path !== '')
}
