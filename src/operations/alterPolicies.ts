import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import type { PolicyPredicates } from '../catalog/policies.ts'
import { policyIs } from '../conditions/policies.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import type { AlterPolicies, BuilderCall, Operation } from './operation.ts'
import { condition, workId } from './operation.ts'
import { unique } from '../unique.ts'

/**
 * Changes the predicates of policies of one table. ALTER POLICY leaves no moment without the policy. The condition
 * `rewriteIsEquivalent` checks, before anything is changed, that the same rows pass.
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
  const up = alterations.map(({ policy, before, after }) => alterPolicy(table, policy, before, after))
  const down = alterations.map(({ policy, before, after }) => alterPolicy(table, policy, after, before))
  return {
    kind: 'alterPolicies',
    ids: alterations.map(({ policy, before }) => workId('alterPolicies', table, policy, before)),
    on: [table.schema, table.name],
    title: `rewrite-${table.schema === 'public' ? '' : `${table.schema}-`}${table.name}-policies`,
    rule,
    why,
    up: up.map(([statement]) => statement),
    down: down.map(([statement]) => statement),
    calls: Object.fromEntries([...up, ...down]),
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

/** The statement, and the call that makes it. Only what changes is written: an unchanged predicate is left out. */
function alterPolicy(
  table: RelationName,
  policy: string,
  from: PolicyPredicates,
  to: PolicyPredicates,
): [statement: string, BuilderCall] {
  const changed = (key: 'using' | 'check') =>
    to[key] === null || to[key] === from[key] ? {} : { [key]: withoutArrayCasts(to[key]) }
  const options: { using?: string; check?: string } = { ...changed('using'), ...changed('check') }
  const statement = [
    `ALTER POLICY ${quote(policy)} ON ${qualified(table)}`,
    ...(options.using === undefined ? [] : [`  USING (${options.using})`]),
    ...(options.check === undefined ? [] : [`  WITH CHECK (${options.check})`]),
  ].join('\n')
  return [statement, { method: 'alterPolicy', args: [table, policy, options] }]
}
