import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import type { PolicyPredicates } from '../catalog/policies.ts'
import { policyIs } from '../conditions/policies.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import type { AlterPolicies, Operation } from './operation.ts'
import { condition, unique, workId } from './operation.ts'

/**
 * Gives policies of one table other predicates. ALTER POLICY leaves no moment without the policy. That the
 * same rows pass is a condition: `rewriteIsEquivalent` compares before anything is changed.
 *
 * ```sql
 * ALTER POLICY "Owners" ON "public"."bookings" USING ((owner = ( SELECT auth.uid() AS uid)))  -- up
 * ALTER POLICY "Owners" ON "public"."bookings" USING ((owner = auth.uid()))                  -- down
 * ```
 */
export function alterPolicies(parts: AlterPolicies): Operation {
  const { table, rule, why, alterations } = parts
  const needs = unique(alterations.flatMap((each) => each.needs))
  const requires = unique(alterations.flatMap((each) => each.requires))
  return {
    kind: 'alterPolicies',
    ids: alterations.map(({ policy, before }) => workId('alterPolicies', table, policy, before)),
    on: [table.schema, table.name],
    title: `rewrite-${table.schema === 'public' ? '' : `${table.schema}-`}${table.name}-policies`,
    rule,
    why,
    up: alterations.map(({ policy, before, after }) => alterPolicy(table, policy, before, after)),
    down: alterations.map(({ policy, before, after }) => alterPolicy(table, policy, after, before)),
    before: [
      ...needs,
      ...alterations.map(({ policy, before }) => condition(policyIs, table, policy, before)),
      {
        condition: 'rewriteIsEquivalent',
        args: [
          table,
          alterations.map(({ policy, after, shownOnRows }) => ({
            policy,
            ...after,
            ...(shownOnRows === undefined ? {} : { shownOnRows }),
          })),
        ],
      },
    ],
    after: alterations.map(({ policy, after }) => condition(policyIs, table, policy, after)),
    ...(requires.length > 0 ? { requires } : {}),
    altersPolicies: parts,
  }
}

/** Only what changes is written, so that a predicate which stays is not parsed and printed anew. */
function alterPolicy(
  table: RelationName,
  policy: string,
  from: PolicyPredicates,
  to: PolicyPredicates,
): string {
  const { using, check } = changedPredicates(from, to)
  return [
    `ALTER POLICY ${quote(policy)} ON ${qualified(table)}`,
    ...(using === undefined ? [] : [`  USING (${withoutArrayCasts(using)})`]),
    ...(check === undefined ? [] : [`  WITH CHECK (${withoutArrayCasts(check)})`]),
  ].join('\n')
}

function changedPredicates(from: PolicyPredicates, to: PolicyPredicates): { using?: string; check?: string } {
  return {
    ...(to.using !== null && to.using !== from.using ? { using: to.using } : {}),
    ...(to.check !== null && to.check !== from.check ? { check: to.check } : {}),
  }
}
