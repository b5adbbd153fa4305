import type { ClientBase } from 'pg'
import { messageOf } from '../../errors.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { borrow } from '../../postgres/database.ts'
import { displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { atomically, underOneSavepoint, underSavepoint } from '../../postgres/savepoint.ts'
import { liftSessionLimits } from '../../postgres/sessionLimits.ts'
import { errorCode, isConnectionLost } from '../../postgres/sqlState.ts'
import { alterPolicies } from '../../operations/alterPolicies.ts'
import type { AlterPolicies, Operation, PolicyAlteration } from '../../operations/operation.ts'
import { findColumns } from '../../catalog/columns.ts'
import type { PolicyPredicates } from '../../catalog/policies.ts'
import { findPolicies } from '../../catalog/policies.ts'
import { withoutArrayCasts } from '../../syntax/arrayCasts.ts'
import { startClock } from './clock.ts'
import type { Rehearsal, Rehearsed } from './rehearseProof.ts'
import { beginRehearsal, rehearseProof } from './rehearseProof.ts'

/** An operation ready for a file, and why policies were left out of it by their names; or why there can be none. */
export type Settled = ({ operation: Operation } | { reason: string }) & { left?: Map<string, string> }

/** What trying new predicates on rows may take in all; what is not shown by then is left as it is. */
const rehearsalBudgetMs = 120_000

/**
 * Lets PostgreSQL print the new predicates of operations that alter policies, so that a file holds them to the
 * letter and `policyIs` can compare. In a transaction that is rolled back, each policy is made on a temporary
 * table of the same name and columns: the user's table is not even locked. The predicates of before are printed
 * that way too; where they do not come out to the letter, `down` could not restore them, and where the temporary
 * table cannot stand for the real one (the policy uses its row type), the real policy is altered for a moment.
 *
 * What is neither proven by structure nor shown on the rows that are there is left out, policy by policy.
 */
export async function settlePolicies(
  client: ClientBase,
  operations: Operation[],
): Promise<Map<Operation, Settled>> {
  const settled = new Map<Operation, Settled>()
  await client.query('BEGIN')
  try {
    await client.query(
      `SELECT set_config('search_path', '', true), set_config('statement_timeout', '30s', true),
              set_config('lock_timeout', '200ms', true), set_config('check_function_bodies', 'off', true)`,
    )
    await liftSessionLimits(client)
    const made = new Map<string, string>()
    const rehearsal = await beginRehearsal(client, startClock(rehearsalBudgetMs))
    for (const operation of operations) {
      const { altersPolicies } = operation
      settled.set(operation, altersPolicies ? await settle(rehearsal, altersPolicies, made) : { operation })
    }
    return settled
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
  }
}

async function settle(
  rehearsal: Rehearsal,
  parts: AlterPolicies,
  made: Map<string, string>,
): Promise<Settled> {
  const { client } = rehearsal
  const left = new Map<string, string>()
  const leave = (alteration: PolicyAlteration, reason: string) => left.set(alteration.policy, reason)
  const possible: PolicyAlteration[] = []
  for (const alteration of parts.alterations) {
    const failure = await makeRequired(client, alteration, made)
    if (failure === undefined) possible.push(alteration)
    else leave(alteration, `the function that it needs cannot be made: ${failure}`)
  }
  const printed: PolicyAlteration[] = []
  for (const { alteration, old, after, failure } of await readBackAll(client, parts, possible)) {
    if (failure !== undefined) leave(alteration, `PostgreSQL would not print its new predicates: ${failure}`)
    else if (isSame(alteration.before, old)) printed.push({ ...alteration, after })
    else
      leave(
        alteration,
        'PostgreSQL prints its present predicates in another way once they are set again, so that they could not be restored to the letter',
      )
  }
  const real = printed.filter(({ before, after }) => !isSame(before, after))
  const rehearsed = await rehearse(
    rehearsal,
    parts.table,
    real.filter(({ needsTrial }) => needsTrial),
  )
  for (const [policy, reason] of rehearsed.left) left.set(policy, reason)
  const kept = real
    .filter(({ policy }) => !left.has(policy))
    .map((each) => {
      const shownOnRows = rehearsed.shown.get(each.policy)
      return shownOnRows === undefined ? each : { ...each, shownOnRows }
    })
  const [reason] = left.values()
  if (kept.length === 0) return { reason: reason ?? 'nothing of it would change', left }
  const why = [
    parts.why,
    ...Array.from(
      left,
      ([policy, because]) => `Policy ${displayIdentifier(policy)} stays as it is: ${because}.`,
    ),
  ].join(' ')
  return { operation: alterPolicies({ ...parts, why, alterations: kept }), left }
}

/**
 * Makes the functions that a policy needs, which operations of several tables may share.
 *
 * @returns why one of them cannot be made
 */
async function makeRequired(
  client: ClientBase,
  { requires }: PolicyAlteration,
  made: Map<string, string>,
): Promise<string | undefined> {
  // An index that is built without blocking cannot be made here, and no predicate needs it to be printed.
  for (const needed of requires.filter(({ noTransaction }) => noTransaction === undefined)) {
    const key = JSON.stringify(needed)
    if (!made.has(key)) {
      const failure = await atomically(borrow(client), () => runAll(client, needed.up)).then(
        () => '',
        (error: unknown) => refuseLost(error) ?? messageOf(error),
      )
      made.set(key, failure)
    }
    if (made.get(key) !== '') return made.get(key)
  }
  return undefined
}

/** A table that somebody has locked, say, is no objection: then the migration asks for itself. */
async function rehearse(
  rehearsal: Rehearsal,
  table: RelationName,
  alterations: PolicyAlteration[],
): Promise<Rehearsed> {
  if (alterations.length === 0) return { left: new Map(), shown: new Map() }
  try {
    return await underOneSavepoint(rehearsal.db, (under) =>
      rehearseProof({ ...rehearsal, under }, table, alterations),
    )
  } catch (error) {
    const reason = refuseLost(error) ?? `its proof could not be tried: ${messageOf(error)}`
    return { left: new Map(alterations.map(({ policy }) => [policy, reason])), shown: new Map() }
  }
}

/** Throws what ends everything: a lost connection, and errors that are not the server's. */
function refuseLost(error: unknown): undefined {
  if (isConnectionLost(error) || errorCode(error) === undefined) throw error
  return undefined
}

interface ReadBack {
  alteration: PolicyAlteration
  /** The predicates of before, set once more. */
  old: PolicyPredicates
  after: PolicyPredicates
  /** Why the server would not print them. */
  failure?: string
}

/** All of them together, and where one stands in the way of that, each by itself. */
async function readBackAll(
  client: ClientBase,
  parts: AlterPolicies,
  alterations: PolicyAlteration[],
): Promise<ReadBack[]> {
  if (alterations.length === 0) return []
  const read = async (some: PolicyAlteration[]): Promise<ReadBack[]> => {
    const those = { ...parts, alterations: some }
    try {
      return await underSavepoint(borrow(client), () => readBackFromCopy(client, those))
    } catch (onCopy) {
      try {
        return await underSavepoint(borrow(client), () => readBackFromTable(client, those))
      } catch (error) {
        refuseLost(error)
        const failure = messageOf(onCopy)
        return some.map((alteration) => ({
          alteration,
          old: alteration.before,
          after: alteration.after,
          failure,
        }))
      }
    }
  }
  const together = await read(alterations)
  if (alterations.length === 1 || together.every(({ failure }) => failure === undefined)) return together
  const alone: ReadBack[] = []
  for (const each of alterations) alone.push(...(await read([each])))
  return alone
}

async function readBackFromCopy(client: ClientBase, parts: AlterPolicies): Promise<ReadBack[]> {
  const { table, alterations } = parts
  const columns = await findColumns(borrow(client), table)
  const copy = { schema: 'pg_temp', name: table.name }
  await client.query(
    `CREATE TEMPORARY TABLE ${quote(table.name)} (${columns.map(({ quoted, type }) => `${quoted} ${type}`).join(', ')})`,
  )
  const create = (name: string, predicates: PolicyPredicates) =>
    `CREATE POLICY ${quote(name)} ON ${qualified(copy)} FOR ${commandFor(predicates)}${clausesOf(predicates)}`
  await runAll(
    client,
    alterations.flatMap(({ before, after }, index) => [
      create(`old ${index}`, before),
      create(`new ${index}`, after),
    ]),
  )
  const printed = await readPredicates(client, copy)
  return alterations.map((alteration, index) => ({
    alteration,
    old: printed.get(`old ${index}`) ?? alteration.before,
    after: printed.get(`new ${index}`) ?? alteration.after,
  }))
}

/** A policy for SELECT has no WITH CHECK and one for INSERT no USING; only what is there decides here. */
function commandFor({ using, check }: PolicyPredicates): string {
  if (using !== null && check !== null) return 'ALL'
  return using === null ? 'INSERT' : 'SELECT'
}

function clausesOf({ using, check }: PolicyPredicates): string {
  const clause = (name: string, predicate: string | null) =>
    predicate === null ? '' : ` ${name} (${withoutArrayCasts(predicate)})`
  return `${clause('USING', using)}${clause('WITH CHECK', check)}`
}

async function readBackFromTable(client: ClientBase, parts: AlterPolicies): Promise<ReadBack[]> {
  const { table, alterations } = parts
  const set = async (predicatesOf: (alteration: PolicyAlteration) => PolicyPredicates) => {
    await runAll(
      client,
      alterations.map(
        (alteration) =>
          `ALTER POLICY ${quote(alteration.policy)} ON ${qualified(table)}${clausesOf(predicatesOf(alteration))}`,
      ),
    )
    return readPredicates(client, table)
  }
  const after = await set((alteration) => alteration.after)
  const old = await set((alteration) => alteration.before)
  return alterations.map((alteration) => ({
    alteration,
    old: old.get(alteration.policy) ?? alteration.before,
    after: after.get(alteration.policy) ?? alteration.after,
  }))
}

async function readPredicates(
  client: ClientBase,
  table: RelationName,
): Promise<Map<string, PolicyPredicates>> {
  const policies = await findPolicies(borrow(client), table)
  return new Map(policies.map(({ name, using, check }) => [name, { using, check }]))
}

async function runAll(client: ClientBase, statements: string[]): Promise<void> {
  if (statements.length > 0) await client.query(statements.join(';\n'))
}

function isSame(one: PolicyPredicates, other: PolicyPredicates): boolean {
  return one.using === other.using && one.check === other.check
}
