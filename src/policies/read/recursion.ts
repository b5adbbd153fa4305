import type { Policy } from '../../catalog/policies.ts'
import type { SelectReads } from '../../catalog/selectReads.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display } from '../../postgres/identifiers.ts'
import type { Node } from '../../syntax/nodes.ts'
import { relationsIn } from '../../syntax/relations.ts'
import { fieldsOf } from '../../syntax/walk.ts'

/** A policy with its predicates parsed. */
export interface JudgedPolicy extends Pick<Policy, 'name' | 'command' | 'roles'> {
  using?: Node | undefined
  check?: Node | undefined
}

/**
 * The name of a policy of the table that would newly fail with "infinite recursion detected in policy" (42P17) if the
 * policies were rewritten.
 *
 * PostgreSQL follows the sub-selects of policies into the tables that they read. It fails if it reaches a table a second
 * time and that table's policies for SELECT have a sub-select of any kind. So a policy for UPDATE may read its own table,
 * directly or through others, while the policy for SELECT is `owner = auth.uid()`, but no longer once that is
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

/** The answers of `hasSubselect`, which is called for a tree once for each other policy of its table. */
const withSubselect = new WeakMap<Node, boolean>()

/** Whether the expression has a sub-select, even one that reads no table. */
function hasSubselect(tree: Node): boolean {
  const known = withSubselect.get(tree) ?? fieldsOf(tree, 'SubLink').next().done === false
  withSubselect.set(tree, known)
  return known
}

/**
 * Whether PostgreSQL considers the policy to have a sub-select when somebody reads the table. It keeps one flag for both
 * predicates, so a sub-select in the WITH CHECK of a policy for ALL counts, although reading does not evaluate it.
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

/** An empty list means PUBLIC, that is everybody, and is no subset of other roles. */
function isSubset(roles: readonly string[], others: readonly string[]): boolean {
  return roles.length > 0 && roles.every((role) => others.includes(role))
}
