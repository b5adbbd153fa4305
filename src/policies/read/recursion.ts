import { sql } from 'kysely'
import type { Policy } from '../../catalog/policies.ts'
import type { Database } from '../../postgres/database.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display } from '../../postgres/identifiers.ts'
import type { Node } from '../../syntax/nodes.ts'
import { relationsIn } from '../../syntax/relations.ts'
import { fieldsOf } from '../../syntax/walk.ts'

/** What a relation reads when it is read itself: a table through its policies for SELECT, a view by its query. */
export type SelectReads = ReadonlyMap<string, ReadonlySet<string>>

/** Every table with row-level security and every view, by `display`; policies for SELECT and for ALL count. */
export async function readSelectReads(db: Database): Promise<SelectReads> {
  const { rows } = await sql<{ reader: RelationName; read: RelationName }>`
    WITH edges AS (
      SELECT p.polrelid AS reader, d.refobjid AS read
      FROM pg_catalog.pg_policy p
      JOIN pg_catalog.pg_class c ON c.oid = p.polrelid AND c.relrowsecurity
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid
      WHERE p.polcmd IN ('r', '*') AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      UNION
      SELECT r.ev_class, d.refobjid
      FROM pg_catalog.pg_rewrite r
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
      WHERE r.ev_type = '1' AND r.ev_class >= 16384
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
    SELECT pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname) AS reader,
      pg_catalog.json_build_object('schema', m.nspname, 'name', r.relname) AS read
    FROM edges
    JOIN pg_catalog.pg_class c ON c.oid = edges.reader JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class r ON r.oid = edges.read JOIN pg_catalog.pg_namespace m ON m.oid = r.relnamespace
    WHERE edges.reader <> edges.read`.execute(db)
  const reads = new Map<string, Set<string>>()
  for (const { reader, read } of rows) {
    const known = reads.get(display(reader)) ?? new Set<string>()
    reads.set(display(reader), known.add(display(read)))
  }
  return reads
}

/** A policy with its predicates read. */
export interface JudgedPolicy extends Pick<Policy, 'name' | 'command' | 'roles'> {
  using?: Node | undefined
  check?: Node | undefined
}

/**
 * The name of a policy of the table that would end with "infinite recursion detected in policy" (42P17) as the
 * policies will be, and does not now.
 *
 * PostgreSQL follows the sub-selects of policies into the tables that they read, and gives up where it comes to a table
 * again whose policies for SELECT have a sub-select of any kind. A table may therefore be read by its own policy for
 * UPDATE, directly or through others, while its policy for SELECT is `owner = auth.uid()`, and no more once that is
 * `owner = (select auth.uid())`.
 */
export function newRecursion(
  table: RelationName,
  before: readonly JudgedPolicy[],
  after: readonly JudgedPolicy[],
  reads: SelectReads,
): string | undefined {
  if (!after.some(judgesWithSubselect)) return undefined
  const goal = display(table)
  const loops = (tree: Node | undefined) =>
    tree !== undefined && hasSubselect(tree) && leadsTo(goal, readsOf(tree), reads)
  const failed = (policy: JudgedPolicy) =>
    before.some(
      (one) => judgesWithSubselect(one) && (one.roles.length === 0 || isSubset(policy.roles, one.roles)),
    )
  const failing = after.find((policy) => {
    const was = before.find(({ name }) => name === policy.name)
    const isOld = was !== undefined && failed(was)
    return (
      (loops(policy.using) && !(isOld && loops(was.using))) ||
      (loops(policy.check) && !(isOld && loops(was.check)))
    )
  })
  return failing?.name
}

/** Trees are asked about once for each other policy of their table. */
const withSubselect = new WeakMap<Node, boolean>()

/** Whether the expression has a sub-select, also one that reads no table. */
function hasSubselect(tree: Node): boolean {
  const known = withSubselect.get(tree) ?? fieldsOf(tree, 'SubLink').next().done === false
  withSubselect.set(tree, known)
  return known
}

/**
 * Whether PostgreSQL takes the policy for one with a sub-select when somebody reads the table. It keeps one mark for
 * both predicates, so a sub-select in the WITH CHECK of a policy for ALL counts, although it is not asked then.
 */
function judgesWithSubselect({ command, using, check }: JudgedPolicy): boolean {
  return (
    (command === 'SELECT' || command === 'ALL') &&
    [using, check].some((tree) => tree !== undefined && hasSubselect(tree))
  )
}

function readsOf(tree: Node): string[] {
  return relationsIn(tree).flatMap(({ schema, name }) =>
    schema === undefined ? [] : [display({ schema, name })],
  )
}

function leadsTo(goal: string, from: readonly string[], reads: SelectReads): boolean {
  const seen = new Set<string>()
  const next = [...from]
  for (let relation = next.pop(); relation !== undefined; relation = next.pop()) {
    if (relation === goal) return true
    if (seen.has(relation)) continue
    seen.add(relation)
    next.push(...(reads.get(relation) ?? []))
  }
  return false
}

/** PUBLIC, which is everybody, is within no list of roles. */
function isSubset(roles: readonly string[], others: readonly string[]): boolean {
  return roles.length > 0 && roles.every((role) => others.includes(role))
}
