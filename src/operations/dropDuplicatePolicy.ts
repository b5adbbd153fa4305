import { policiesAreAlike, policyIs, policyIsAbsent } from '../conditions/policies.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import type { Policy } from '../catalog/policies.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import { commentOn } from './comment.ts'
import type { Operation } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Drops a policy that says exactly what another one says; `down` creates it again to the letter, with its comment.
 * Right before, a condition checks again that both are alike.
 *
 * ```sql
 * DROP POLICY "twin" ON "public"."notes"
 * -- down
 * CREATE POLICY "twin" ON "public"."notes" AS PERMISSIVE FOR SELECT TO "authenticated" USING (...)
 * ```
 */
export function dropDuplicatePolicy(
  { schema, name }: RelationName,
  dropped: Policy,
  kept: string,
): Operation {
  const table = { schema, name }
  const { using, check } = dropped
  const drop = `DROP POLICY ${quote(dropped.name)} ON ${qualified(table)}`
  return {
    ...work('dropDuplicatePolicy', table, dropped.name, { using, check }),
    on: [table.schema, table.name],
    title: operationTitle('drop', table.name, dropped.name),
    rule: 'duplicate_policy',
    why:
      `Policy ${displayIdentifier(dropped.name)} on ${display(table)} says exactly what ${displayIdentifier(kept)} says: ` +
      'same command, roles, kind and conditions. Both are evaluated for every row; without the second one the same rows pass.',
    up: [drop],
    calls: { [drop]: { method: 'dropPolicy', args: [table, dropped.name] } },
    down: [
      createPolicy(table, dropped),
      ...commentOn(`POLICY ${quote(dropped.name)} ON ${qualified(table)}`, dropped.comment),
    ],
    before: [
      condition(policyIs, table, dropped.name, { using, check }),
      condition(policiesAreAlike, table, dropped.name, kept),
    ],
    after: [condition(policyIsAbsent, table, dropped.name)],
  }
}

function createPolicy(table: RelationName, policy: Policy): string {
  const { name, command, permissive, rolesAsWritten: roles, using, check } = policy
  return [
    `CREATE POLICY ${quote(name)} ON ${qualified(table)}`,
    `  AS ${permissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${command}`,
    `  TO ${roles.length === 0 ? 'PUBLIC' : roles.map(quote).join(', ')}`,
    ...(using === null ? [] : [`  USING (${withoutArrayCasts(using)})`]),
    ...(check === null ? [] : [`  WITH CHECK (${withoutArrayCasts(check)})`]),
  ].join('\n')
}
