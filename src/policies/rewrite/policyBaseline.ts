import { sql } from '../../postgres/sql.ts'
import { groupBy } from '../../groupBy.ts'
import { listClosedFunctions } from '../../catalog/closedFunctions.ts'
import { listRoles } from '../../catalog/roles.ts'
import type { Database } from '../../postgres/database.ts'
import { displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import type { PolicyOnTable } from '../read/policyCatalog.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'

/** Why a policy's queries fail even today, by the policy's oid; policies that work are absent. */
export type Baseline = Map<number, string>

/**
 * Finds policies that fail before anything is changed. Those that recurse into their own table show up when
 * `SELECT FROM table` is planned as one of their roles, if the session may act as one. Those that call a function that
 * none of their roles may call are found in the catalog. Nothing is run.
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

/** A table to plan a query for, and the role to plan it as. */
interface Question {
  role: string
  table: CatalogTable
  policies: PolicyOnTable[]
}

/** Whether both can apply to one query. Roles may be members of one another, so answering yes too often is safe. */
function areAskedTogether(one: PolicyOnTable, other: PolicyOnTable): boolean {
  const sameCommand = one.command === 'ALL' || other.command === 'ALL' || one.command === other.command
  const everybody = one.roles.length === 0 || other.roles.length === 0
  return sameCommand && (everybody || one.roles.some((role) => other.roles.includes(role)))
}

/** How many tables one statement asks about, so that it stays within its time limit. */
const tablesAtOnce = 200

/**
 * The tables whose policies recurse without end when a query is planned. Other errors do not count: a privilege or a
 * setting may be missing only for us, and functions with unqualified names fail under our empty `search_path`. The server
 * loops over the tables itself; each look is undone, with its role and locks.
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

/** Recursion ends with 42P17 or 54001. HF000 is our own error, which undoes a look. */
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
