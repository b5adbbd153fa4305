import { sql } from 'kysely'
import { groupBy } from '../../groupBy.ts'
import { listClosedFunctions } from '../../catalog/closedFunctions.ts'
import { listRoles } from '../../catalog/roles.ts'
import type { Database } from '../../postgres/database.ts'
import { displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import type { PolicyOnTable } from '../read/policyCatalog.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'

/** Why a policy's queries fail already today, by the policy's oid; policies that work are absent. */
export type Baseline = Map<number, string>

/**
 * Finds what fails before anything is changed: policies that read their own table and recurse, by planning
 * `SELECT FROM table` as a role that they are for, and policies that call a function that none of their roles may
 * call, from the catalog. Roles that the session may not act as are not asked. Nothing is run.
 */
export async function readBaseline(db: Database, policies: PolicyOnTable[]): Promise<Baseline> {
  const roles = new Set(
    (await listRoles(db)).flatMap(({ name, isExempt, mayActAs }) => (mayActAs && !isExempt ? name : [])),
  )
  const closed = await listClosedFunctions(db)
  const baseline: Baseline = new Map()
  const questions: Question[] = []
  for (const [table, own] of groupBy(policies, (policy) => policy.table)) {
    if (!table.rowSecurity) continue
    for (const policy of own) {
      const refused = own.find((each) => closed.has(each.oid) && areAskedTogether(policy, each))
      const called = refused && closed.get(refused.oid)
      if (called !== undefined) {
        baseline.set(
          policy.oid,
          `no role of ${displayIdentifier(refused?.name ?? '')} has EXECUTE on ${called}`,
        )
      }
    }
    const named = own.flatMap((policy) => policy.roles)
    const role = [...named, 'authenticated', 'anon'].find((each) => roles.has(each))
    if (role !== undefined) questions.push({ role, table, policies: own })
  }
  for (const { question, failure } of await recursionsAmong(db, questions)) {
    for (const policy of question.policies) baseline.set(policy.oid, `as ${question.role}, ${failure}`)
  }
  return baseline
}

/** A table to be planned for, and as whom. */
interface Question {
  role: string
  table: CatalogTable
  policies: PolicyOnTable[]
}

/** Whether a query of somebody can be subject to both. Roles may be members of one another: too often is safe. */
function areAskedTogether(one: PolicyOnTable, other: PolicyOnTable): boolean {
  const sameCommand = one.command === 'ALL' || other.command === 'ALL' || one.command === other.command
  const everybody = one.roles.length === 0 || other.roles.length === 0
  return sameCommand && (everybody || one.roles.some((role) => other.roles.includes(role)))
}

/** So many tables are asked about in one statement, which has the time limit of one. */
const tablesAtOnce = 200

/**
 * The tables of which planning ends with policies that call one another for ever. Other errors of planning say nothing: a
 * privilege or a setting may be missing for us alone, and a function that leaves out schemas finds nothing where
 * `search_path` is empty. The server goes from table to table itself; each look is undone, its role and locks with it.
 *
 * ```sql
 * SET LOCAL ROLE "authenticated"; EXPLAIN SELECT FROM "public"."notes"
 * ```
 */
async function recursionsAmong(
  db: Database,
  questions: Question[],
): Promise<{ question: Question; failure: string }[]> {
  const found: { question: Question; failure: string }[] = []
  for (let first = 0; first < questions.length; first += tablesAtOnce) {
    const part = questions.slice(first, first + tablesAtOnce)
    const asked = part.map(({ role, table }, number) => ({ number, role, relation: qualified(table) }))
    await sql`SELECT pg_catalog.set_config('hundredfold.asked', ${JSON.stringify(asked)}, true)`.execute(db)
    await planEach.execute(db)
    const { rows } = await sql<{ failures: { number: number; message: string }[] }>`
      SELECT pg_catalog.current_setting('hundredfold.failures')::jsonb AS failures`.execute(db)
    for (const { number, message } of rows[0]?.failures ?? []) {
      const question = part[number]
      if (question) found.push({ question, failure: message })
    }
  }
  return found
}

/** 42P17 and 54001 are what recursion ends with; HF000 is our own, and takes back what a look did. */
const planEach = sql.raw(`DO $each$
DECLARE
  asked record;
  failures jsonb := '[]';
BEGIN
  FOR asked IN
    SELECT * FROM pg_catalog.json_to_recordset(pg_catalog.current_setting('hundredfold.asked')::json)
      AS question (number int, role text, relation text)
  LOOP
    BEGIN
      EXECUTE pg_catalog.format('SET LOCAL ROLE %I', asked.role);
      EXECUTE 'EXPLAIN SELECT FROM ' || asked.relation;
      RAISE EXCEPTION USING ERRCODE = 'HF000';
    EXCEPTION WHEN OTHERS THEN
      IF SQLSTATE IN ('42P17', '54001') THEN
        failures := failures || pg_catalog.jsonb_build_object('number', asked.number, 'message', SQLERRM);
      END IF;
    END;
  END LOOP;
  PERFORM pg_catalog.set_config('hundredfold.failures', failures::text, true);
END $each$`)
