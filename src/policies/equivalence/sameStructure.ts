import type { Database } from '../../db/database.ts'
import type { RelationName } from '../../db/identifiers.ts'
import { parseExpression } from '../../sql/expression.ts'
import type { Node } from '../../sql/nodes.ts'
import type { TablePolicy } from './effective.ts'
import type { PolicyRewrite } from './rewritten.ts'
import { rewritten } from './rewritten.ts'
import type { Structure } from './structure.ts'
import { readStructure } from './structure.ts'
import { findSubject } from './subject.ts'

/**
 * Whether every change is one of structure, so that no row need be looked at: see `byStructure` of the report.
 *
 * @throws UsageError where a predicate is no SQL
 */
export async function isShownByStructure(
  db: Database,
  table: RelationName,
  rewrites: PolicyRewrite[],
  searchPath: string,
): Promise<boolean> {
  const subject = await findSubject(db, table)
  if (!subject) return false
  // The other policies of the table stay what they are.
  const before = subject.policies.filter(({ name }) => rewrites.some(({ policy }) => policy === name))
  const { after, missing } = rewritten(before, rewrites)
  const trees = await parsePredicates([...before, ...after])
  const structure = await readStructure(db, subject, [...trees.values()], searchPath)
  return missing.length === 0 && isSameStructure(before, after, trees, structure)
}

/**
 * Whether each policy stays the same but for where calls are made, and each one dropped has a twin that stays.
 */
export function isSameStructure(
  before: TablePolicy[],
  after: TablePolicy[],
  trees: Map<string, Node>,
  structure: Structure,
): boolean {
  const same = (one: string | null, other: string | null) =>
    structure.isSame(one === null ? undefined : trees.get(one), other === null ? undefined : trees.get(other))
  const isLike = (one: TablePolicy, other: TablePolicy) =>
    one.command === other.command &&
    one.permissive === other.permissive &&
    JSON.stringify([...one.roles].sort()) === JSON.stringify([...other.roles].sort()) &&
    same(one.using, other.using) &&
    same(one.check ?? one.using, other.check ?? other.using)
  return before.every((policy) => {
    const now = after.find(({ name }) => name === policy.name)
    return now ? isLike(policy, now) : after.some((each) => isLike(policy, each))
  })
}

/** Every predicate's tree, by its text. */
export async function parsePredicates(policies: TablePolicy[]): Promise<Map<string, Node>> {
  const texts = new Set(
    policies.flatMap(({ using, check }) => [using, check]).filter((text) => text !== null),
  )
  return new Map(
    await Promise.all(Array.from(texts, async (text) => [text, await parseExpression(text)] as const)),
  )
}
