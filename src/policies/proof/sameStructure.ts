import type { RelationName } from '../../postgres/identifiers.ts'
import { displayIdentifier } from '../../postgres/identifiers.ts'
import { parseExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import type { Answers, ChangedTree } from './atOnce.ts'
import { findErrorsAtOnce, strangers } from './atOnce.ts'
import type { Policy } from '../../catalog/policies.ts'
import type { Look } from './actingAs.ts'
import { appliesTo } from './questions.ts'
import type { Difference } from './report.ts'
import type { PolicyRewrite } from './rewritten.ts'
import { rewritten } from './rewritten.ts'
import type { Structure } from './structure.ts'
import { readStructure } from './structure.ts'
import type { EndRole } from '../../catalog/roles.ts'
import { listEndRoles } from '../../catalog/roles.ts'
import { findSubject } from './subject.ts'

/** What structure says of one policy's rewrite. */
export interface StructuralVerdict {
  /** Every change is one of structure: see `byStructure` of the report. */
  isProven: boolean
  /** Errors of what would be evaluated at once, for callers whom nobody reckons with. */
  differences: Difference[]
}

/**
 * Judges each policy by itself without looking at a row.
 *
 * @throws UsageError where a predicate is no SQL
 */
export async function judgeByStructure(
  look: Look & { answers?: Answers },
  table: RelationName,
  rewrites: PolicyRewrite[],
): Promise<Map<string, StructuralVerdict>> {
  const verdicts = new Map<string, StructuralVerdict>()
  const subject = await findSubject(look.db, table)
  if (!subject) return verdicts
  const { after } = rewritten(subject.policies, rewrites)
  const changing = subject.policies.filter(({ name }) => rewrites.some(({ policy }) => policy === name))
  const trees = await parsePredicates([...subject.policies, ...after])
  const structure = await readStructure(look.db, subject, [...trees.values()])
  const roles = await listEndRoles(look.db, subject.table, subject.policies)
  for (const policy of changing) {
    const now = after.find(({ name }) => name === policy.name)
    const isProven = now !== undefined && isSameStructure([policy], [now], trees, structure)
    const changes = now ? changedTreesOf(policy, now, trees) : []
    verdicts.set(policy.name, {
      isProven,
      differences: await findErrorsAtOnce(
        look,
        subject,
        structure,
        trees,
        strangers(roles, structure),
        changes,
        'count',
      ),
    })
  }
  return verdicts
}

function changedTreesOf(policy: Policy, now: Policy, trees: Map<string, Node>): ChangedTree[] {
  return [
    [policy.using, now.using, 'USING'] as const,
    [policy.check ?? policy.using, now.check ?? now.using, 'WITH CHECK'] as const,
  ].flatMap(([old, after, clause]) => {
    const [before, then] = [old, after].map((text) => (text === null ? undefined : trees.get(text)))
    if (!before || !then || old === after) return []
    const label = `policy ${displayIdentifier(policy.name)}, ${clause}`
    return [{ label, concerns: (role: EndRole) => appliesTo(policy, role), old: before, now: then }]
  })
}

/**
 * Whether each policy stays the same but for where calls are made, and each one dropped has a twin that stays.
 */
export function isSameStructure(
  before: Policy[],
  after: Policy[],
  trees: Map<string, Node>,
  structure: Structure,
): boolean {
  const same = (one: string | null, other: string | null, isPlanned: boolean) => {
    const [old, now] = [one, other].map((text) => (text === null ? undefined : trees.get(text)))
    // The planner evaluates comparisons of USING before any arm; those of a new row keep the order in which they are written.
    const isSame = isPlanned ? structure.isSameInAnyOrder(old, now) : structure.isSame(old, now)
    return isSame && structure.newErrors(old, now).length === 0
  }
  const isLike = (one: Policy, other: Policy) =>
    one.command === other.command &&
    one.permissive === other.permissive &&
    JSON.stringify([...one.roles].sort()) === JSON.stringify([...other.roles].sort()) &&
    same(one.using, other.using, true) &&
    same(
      one.check ?? one.using,
      other.check ?? other.using,
      // INSERT asks only the predicate of new rows.
      one.check === null && other.check === null && ['SELECT', 'UPDATE', 'DELETE'].includes(one.command),
    )
  return before.every((policy) => {
    const now = after.find(({ name }) => name === policy.name)
    return now ? isLike(policy, now) : after.some((each) => isLike(policy, each))
  })
}

/** Every predicate's tree, by its text. */
export async function parsePredicates(policies: Policy[]): Promise<Map<string, Node>> {
  const texts = new Set(
    policies.flatMap(({ using, check }) => [using, check]).filter((text) => text !== null),
  )
  return new Map(
    await Promise.all(Array.from(texts, async (text) => [text, await parseExpression(text)] as const)),
  )
}
