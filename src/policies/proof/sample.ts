import { sql } from '../../postgres/sql.ts'
import type { Database } from '../../postgres/database.ts'
import { shortList } from '../../shortList.ts'
import { unique } from '../../unique.ts'
import type { Node } from '../../syntax/nodes.ts'
import type { Asker } from './ask.ts'
import type { CalledFunction } from './bodies.ts'
import { comparisonsIn, relationsByAlias } from './comparisons.ts'
import type { Column } from '../../catalog/columns.ts'
import type { EndRole } from '../../catalog/roles.ts'
import { findReader, listEndRoles } from '../../catalog/roles.ts'
import type { Policy } from '../../catalog/policies.ts'
import type { Look } from './actingAs.ts'
import { isTimeout } from './actingAs.ts'
import type { GivenIdentity } from './identities.ts'
import { listIdentities, samplePools } from './identities.ts'
import type { Row } from './rows.ts'
import { distinct, patchRows, rowOfNulls, rowsNear, sampleRows } from './rows.ts'
import { relatedValues } from './relatedValues.ts'
import type { SteadyValue } from './steadyValues.ts'
import { steadyValues } from './steadyValues.ts'
import type { Subject } from './subject.ts'
import { columnsOfRelations } from './subject.ts'
import { columnsRead, patchesFor } from './syntheticRows.ts'

/** Who is asked, and about which rows. */
export interface Sample {
  roles: EndRole[]
  askers: Asker[]
  /** Rows that matter most come first. */
  rows: Row[]
  /** What parts of the predicates give the first identity. */
  steady: SteadyValue[]
  /** Columns of the relations that the predicates read, by `schema.name`. */
  others: Map<string, Column[]>
  notes: string[]
}

/** Rows read at random, and identities near whose rows others are sought. */
const mostSampled = 500
const mostNear = 12
const mostSteady = 6

/**
 * Finds identities and rows that tell the predicates apart: users with many and with few rows, rows that a
 * predicate lets pass for them, rows from all over the table, and made-up rows close to these. Roles that no
 * policy in question is for are not asked.
 */
export async function takeSample(
  look: Look,
  subject: Subject,
  policies: Policy[],
  /** Every predicate asked, parsed; those that change, as text. */
  trees: Node[],
  changed: string[],
  functions: CalledFunction[],
  given: GivenIdentity[],
  concerns: (role: EndRole) => boolean,
  /** Whether other policies apply to the role than before. */
  turns: (role: EndRole) => boolean,
): Promise<Sample> {
  const { db, clock } = look
  const notes: string[] = []
  const seesAll = await findReader(db, subject.table)
  const reader = seesAll ?? (await currentUser(db))
  if (seesAll === undefined)
    notes.push(
      'rows that row-level security hides from this session could not be sampled (FORCE ROW LEVEL SECURITY)',
    )
  const comparisons = comparisonsIn(trees, functions)
  const roles = await rolesToAsk(db, subject, policies, given, concerns, notes)
  const pools = await samplePools(
    { ...look, clock: clock.part(0.3) },
    reader,
    subject,
    comparisons,
    functions,
  )
  const askers = listIdentities(pools, roles, given, roles.filter(turns)).flatMap((identity) => {
    const role = roles.find(({ name }) => name === identity.role)
    return role ? [{ identity, role }] : []
  })
  const needed = { names: columnsRead(subject, trees) }
  const sampled = await orNone(() => sampleRows(look, reader, subject, needed, mostSampled), notes)
  const nearLook = { ...look, clock: clock.part(0.3) }
  const nearest = askers.slice(0, mostNear).map(({ identity }) => identity)
  const near = await rowsNear(nearLook, reader, subject, needed, nearest, changed)
  const relations = trees.flatMap((tree) => [...relationsByAlias(tree).values()])
  const others = await columnsOfRelations(db, unique(relations))
  const steadyLook = { ...look, clock: clock.part(0.2) }
  const first = askers.slice(0, mostSteady).map(({ identity }) => identity)
  const steady = await steadyValues(steadyLook, subject, first, trees)
  const related = await untilOver(
    () => relatedValues(steadyLook, reader, subject, trees, others, steady),
    new Map<string, unknown[]>(),
  )
  const bases = near.length + sampled.length > 0 ? near : [rowOfNulls(subject)]
  const patches = patchesFor(subject, trees, comparisons, pools, distinct(bases), sampled, related)
  const madeUp = await untilOver(
    () => patchRows({ ...look, clock: clock.part(0.3) }, reader, subject, patches),
    [],
  )
  const rows = distinct([...near, ...madeUp, ...sampled])
  return { roles, askers, rows, steady, others, notes }
}

/** The roles that meet a predicate in question and that the session may act as; else the session's own role. */
async function rolesToAsk(
  db: Database,
  subject: Subject,
  policies: Policy[],
  given: GivenIdentity[],
  concerns: (role: EndRole) => boolean,
  notes: string[],
): Promise<EndRole[]> {
  const all = (await listEndRoles(db, subject.table, policies)).filter(concerns)
  const barred = all.filter(({ mayActAs }) => !mayActAs).map(({ name }) => name)
  if (barred.length > 0) notes.push(`this session may not act as ${shortList(barred)}`)
  const roles = all.filter(({ mayActAs }) => mayActAs)
  if (roles.length > 0) return roles
  const own = await currentUser(db)
  const named = [...new Set(policies.flatMap((policy) => policy.roles))]
  notes.push(
    barred.length > 0
      ? `the predicates were asked as ${own} instead, which may see more of other tables: GRANT ${barred[0] ?? ''} TO ${own} to have them asked as they will be`
      : `no role but ${own} is known to meet these policies; the predicates were asked as ${own}`,
  )
  const asked = [own, ...given.map(({ role }) => role)]
  return [...new Set(asked)].map((name) => ({ name, inherits: named, isExempt: false, mayActAs: true }))
}

async function currentUser(db: Database): Promise<string> {
  const { rows } = await sql<{ name: string }>`SELECT current_user::text AS name`.execute(db)
  return rows[0]?.name ?? ''
}

async function orNone(read: () => Promise<Row[]>, notes: string[]): Promise<Row[]> {
  try {
    return await read()
  } catch (error) {
    if (isTimeout(error)) return []
    if (!(error instanceof Error) || !('code' in error)) throw error
    notes.push(`rows could not be read: ${error.message}`)
    return []
  }
}

/** What was found until the time given to a part was over: less to go by is no error. */
async function untilOver<T>(look: () => Promise<T>, nothing: T): Promise<T> {
  try {
    return await look()
  } catch (error) {
    if (isTimeout(error)) return nothing
    throw error
  }
}
