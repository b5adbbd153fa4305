import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import type { Policy, PolicyPredicates } from '../catalog/policies.ts'
import { findPolicies, findPolicy } from '../catalog/policies.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/**
 * Holds when the policy exists with exactly these predicates, as `pg_get_expr` prints them with an empty `search_path`;
 * null where the policy has no such predicate. So a policy that was changed after the migration was written is never
 * overwritten.
 */
export function policyIs(table: RelationName, policy: string, expected: PolicyPredicates): Condition {
  return {
    description: `policy ${displayIdentifier(policy)} on ${display(table)} is ${show(expected)}`,
    async check(db) {
      const found = await findPolicy(db, table, policy)
      if (!found) return fails(show(expected), 'no such policy')
      const same = found.using === expected.using && found.check === expected.check
      return same ? holds : fails(show(expected), show(found))
    },
  }
}

/** Holds when the table has no policy of that name. */
export function policyIsAbsent(table: RelationName, policy: string): Condition {
  return {
    description: `policy ${displayIdentifier(policy)} on ${display(table)} is absent`,
    async check(db) {
      const found = await findPolicy(db, table, policy)
      return found ? fails('no such policy', show(found)) : holds
    },
  }
}

function show({ using, check }: PolicyPredicates): string {
  const parts = [using === null ? '' : `USING (${using})`, check === null ? '' : `WITH CHECK (${check})`]
  return parts.filter(Boolean).join(' ') || 'without predicates'
}

/**
 * Holds when both policies exist and differ in nothing but their names: command, kind, roles and predicates are the
 * same, so that one of them can be dropped without changing which rows anybody sees.
 */
export function policiesAreAlike(table: RelationName, policy: string, other: string): Condition {
  const both = `policies ${displayIdentifier(policy)} and ${displayIdentifier(other)}`
  return {
    description: `${both} on ${display(table)} are alike`,
    async check(db) {
      const found = new Map((await findPolicies(db, table)).map((each) => [each.name, contentOf(each)]))
      const [one, two] = [found.get(policy), found.get(other)]
      if (one === undefined || two === undefined) {
        return fails('both policies', `no policy ${displayIdentifier(one === undefined ? policy : other)}`)
      }
      return one === two ? holds : fails(`${both} to say the same`, `${one} and ${two}`)
    },
  }
}

/** What a policy says besides its name and comment, in one line. */
function contentOf({ command, permissive, roles, ...predicates }: Policy): string {
  const who = roles.length === 0 ? 'PUBLIC' : roles.map(displayIdentifier).join(', ')
  return `${permissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${command} TO ${who} ${show(predicates)}`
}
