import { groupBy } from '../../groupBy.ts'
import { printExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as } from '../../syntax/nodes.ts'
import { mayBeAskedEarlier, newlyAtOnce } from '../read/exposed.ts'
import type { Asker } from './ask.ts'
import type { Asked, Identity, Look } from './actingAs.ts'
import { askAll, isTimeout } from './actingAs.ts'
import { evaluate } from './evaluate.ts'
import type { GivenIdentity } from './identities.ts'
import { identityOf } from './identities.ts'
import type { Difference } from './report.ts'
import { anyRow } from './report.ts'
import { rowOfNulls } from './rows.ts'
import { isShielded } from './shields.ts'
import type { Structure } from './structure.ts'
import type { EndRole } from '../../catalog/roles.ts'
import type { Subject } from './subject.ts'

/** A predicate, what it becomes, and how to name it. */
export interface ChangedTree {
  label: string
  concerns(role: EndRole): boolean
  old: Node
  now: Node
}

/** What an error is that was seen, where nobody could ask any more whether it is one of today. */
export type WhenLate = 'excuse' | 'count'

/**
 * Callers for whom nothing is set up: without claims, unknown to every table, with a `sub` that is no uuid, and where
 * other claims or settings are read, with values of the wrong type in all of them.
 */
export function strangers(roles: EndRole[], { claimKeys, settings }: Structure): Asker[] {
  const wrong = (names: string[]) => Object.fromEntries(names.map((name) => [name, 'not-a-value']))
  const others = claimKeys.filter((key) => key !== 'role' && key !== 'sub')
  return roles
    .filter(({ isExempt, mayActAs }) => !isExempt && mayActAs)
    .flatMap((role) => {
      const known = { role: role.name, sub: '00000000-0000-4000-8000-00000000a001' }
      const given: GivenIdentity[] = [
        { role: role.name },
        { role: role.name, claims: {} },
        { role: role.name, claims: known },
        { role: role.name, claims: { ...known, sub: 'not-a-uuid' } },
      ]
      if (others.length + settings.length > 0)
        given.push({ role: role.name, claims: { ...known, ...wrong(others) }, settings: wrong(settings) })
      return given.map((each) => ({ identity: identityOf(each), role }))
    })
}

/**
 * Runs each part of a new predicate that runs once per statement, as every caller. It runs for all of them, whatever
 * other conditions say of the rows: an error in it would end statements that work today.
 *
 * An error is none of the rewrite where the old predicate gives it too before it looks at a row. Where the time is over
 * before that is known, `whenLate` says what an error counts as: what is not written yet is better left alone, and what
 * was shown before is not refused for a slow machine.
 *
 * A caller whose claims cannot be read (`auth.uid()` fails for a `sub` of another kind) fails wherever they are asked
 * for. Whether one run shows it hangs on plans that the session keeps, so that structure decides: see `isShielded`.
 */
export async function findErrorsAtOnce(
  look: Look & { answers?: Answers },
  subject: Subject,
  structure: Structure,
  trees: Map<string, Node>,
  askers: Asker[],
  changes: ChangedTree[],
  whenLate: WhenLate,
): Promise<Difference[]> {
  const found: Difference[] = []
  const shared = { ...look, answers: look.answers ?? new Map<string, string | undefined>() }
  const plain = changes.map((change) => ({ ...change, now: structure.withoutTwins(change.now) }))
  const parts = plain.flatMap((change) =>
    newlyAtOnce(structure.withoutTwins(change.old), change.now)
      .filter((part) => !structure.readsOnlySettings(part) && mayBeAskedEarlier(part, change.old, structure))
      .map((part) => ({ ...change, part, query: queryOf(part) })),
  )
  const asked = askers.map(({ identity, role }) => {
    const queries = parts.filter(({ concerns }) => concerns(role)).map(({ query }) => query)
    const claims = queries.length > 0 ? structure.claimReaders.map(claimsBy) : []
    return [...claims, ...queries].map((query) => ({ identity, query }))
  })
  for (let at = 0; at < asked.length; at += askersTogether)
    await findOut(shared, asked.slice(at, at + askersTogether).flat())
  for (const { label, concerns, old, now, part, query } of parts) {
    for (const asker of askers) {
      const { identity, role } = asker
      if (!concerns(role)) continue
      const unreadable = await unreadableClaims(shared, identity, structure)
      const readers = Object.keys(unreadable)
      const reader = readers.find((each) => structure.reaches(part, [each]))
      const code = reader === undefined ? await errorOf(shared, identity, query) : unreadable[reader]
      if (code === undefined) continue
      if (reader !== undefined) {
        const shield = { structure, trees, readers, whenLate }
        if (!(await isShielded(look, subject, asker, { old, now, part }, shield))) continue
      } else if (readsTables(part) && (await failsAlready(look, subject, identity, old, code, whenLate))) {
        continue
      }
      found.push({
        question: `${label}, of which ${printExpression(part)} would run at once`,
        role: role.name,
        identity: identity.label,
        row: anyRow,
        effect: 'fails now',
        before: false,
        after: code,
      })
    }
  }
  return found
}

/** The errors of queries by identity, so that what many policies share is run once. */
export type Answers = Map<string, string | undefined>

/** The keys that a query lists, or the value that it gives. */
function queryOf(part: Node): string {
  const link = as(part, 'SubLink')
  const query = printExpression({ SubLink: { subLinkType: 'EXPR_SUBLINK', subselect: link?.subselect } })
  return link?.subLinkType === 'EXPR_SUBLINK'
    ? `SELECT ${query}`
    : `SELECT pg_catalog.count(*) FROM ${query} AS keys`
}

/** How many askers ask in one request: few enough that half of the time does for one of several requests. */
const askersTogether = 12

/** Finds out with which SQLSTATE the queries end, each for who asks it; not of those for which time ran out. */
async function findOut(look: Look & { answers: Answers }, asked: Asked[]): Promise<void> {
  const known = new Set(look.answers.keys())
  const unknown = asked.filter(({ identity, query }) => {
    const key = keyOf(identity, query)
    return !known.has(key) && known.add(key)
  })
  if (unknown.length === 0 || look.clock.isOver()) return
  const remainingMs = look.clock.remainingMs()
  try {
    const found = await askAll(look, unknown, unknown.length > 1 ? remainingMs / 2 : remainingMs)
    for (const [at, { identity, query }] of unknown.entries()) {
      const answer = found[at]
      look.answers.set(keyOf(identity, query), answer && 'code' in answer ? answer.code : undefined)
    }
  } catch (error) {
    if (!isTimeout(error)) throw error
    const smaller = [...groupBy(unknown, ({ identity }) => identity.label).values()]
    if (smaller.length > 1) for (const own of smaller) await findOut(look, own)
    else if (unknown.length > 1) for (const one of unknown) await findOut(look, [one])
  }
}

function keyOf({ label }: Identity, query: string): string {
  return JSON.stringify([label, query])
}

/** The SQLSTATE with which the query ends for the identity; undefined where it ends well or the time is over. */
async function errorOf(
  look: Look & { answers: Answers },
  identity: Identity,
  query: string,
): Promise<string | undefined> {
  await findOut(look, [{ identity, query }])
  return look.answers.get(keyOf(identity, query))
}

/** The calls that cannot tell who is calling, with their errors: `{ '"auth"."uid"()': '22P02' }`. */
async function unreadableClaims(
  look: Look & { answers: Answers },
  identity: Identity,
  { claimReaders }: Structure,
): Promise<Record<string, string>> {
  const errors: Record<string, string> = {}
  for (const reader of claimReaders) {
    const code = await errorOf(look, identity, claimsBy(reader))
    if (code !== undefined) errors[reader] = code
  }
  return errors
}

/** `"auth"."uid"()` -> `SELECT "auth"."uid"()` */
function claimsBy(reader: string): string {
  return `SELECT ${reader}`
}

function readsTables(part: Node): boolean {
  return (as(as(part, 'SubLink')?.subselect, 'SelectStmt')?.fromClause ?? []).length > 0
}

/** What a query reads by itself, and not within a function, is judged before its first row: today as well. */
async function failsAlready(
  look: Look,
  subject: Subject,
  identity: Identity,
  old: Node,
  code: string,
  whenLate: WhenLate,
): Promise<boolean> {
  if (!code.startsWith('42')) return false
  const rows = [rowOfNulls(subject).text]
  try {
    const answers = await evaluate(look, subject.table, identity, rows, [printExpression(old)])
    return typeof answers[0]?.[0] === 'string'
  } catch (error) {
    if (isTimeout(error)) return whenLate === 'excuse'
    throw error
  }
}
