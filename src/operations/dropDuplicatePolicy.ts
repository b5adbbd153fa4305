import { escapeLiteral } from 'pg'
import { policiesAreAlike, policyIs, policyIsAbsent } from '../conditions/policies.ts'
import { display, displayIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import type { PolicyDefinition } from '../catalog/policyDefinitions.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import type { Draft } from './draft.ts'
import { condition, workId } from './draft.ts'
import { draftTitle } from './titles.ts'

/**
 * Drops a policy that says exactly what another one says; `down` creates it again to the letter, with its comment.
 * That both are alike is checked again right before.
 *
 * ```sql
 * DROP POLICY "twin" ON "public"."notes"
 * -- down
 * CREATE POLICY "twin" ON "public"."notes" AS PERMISSIVE FOR SELECT TO "authenticated" USING (...)
 * ```
 */
export function dropDuplicatePolicy(dropped: PolicyDefinition, kept: string): Draft {
  const table = { schema: dropped.schema, name: dropped.table }
  const { using, check } = dropped
  return {
    kind: 'dropDuplicatePolicy',
    ids: [workId('dropDuplicatePolicy', table, dropped.name, { using, check })],
    on: [table.schema, table.name],
    title: draftTitle('drop', dropped.table, dropped.name),
    rule: 'duplicate_policy',
    why:
      `Policy ${displayIdentifier(dropped.name)} on ${display(table)} says exactly what ${displayIdentifier(kept)} says: ` +
      'same command, roles, kind and conditions. Both are evaluated for every row; without the second one the same rows pass.',
    up: [`DROP POLICY ${quote(dropped.name)} ON ${qualified(table)}`],
    down: [createPolicy(dropped), ...commentOnPolicy(dropped)],
    before: [
      condition(policyIs, table, dropped.name, { using, check }),
      condition(policiesAreAlike, table, dropped.name, kept),
    ],
    after: [condition(policyIsAbsent, table, dropped.name)],
  }
}

function createPolicy({
  schema,
  table,
  name,
  command,
  permissive,
  roles,
  using,
  check,
}: PolicyDefinition): string {
  return [
    `CREATE POLICY ${quote(name)} ON ${qualified({ schema, name: table })}`,
    `  AS ${permissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${command}`,
    `  TO ${roles.length === 0 ? 'PUBLIC' : roles.map(quote).join(', ')}`,
    ...(using === null ? [] : [`  USING (${withoutArrayCasts(using)})`]),
    ...(check === null ? [] : [`  WITH CHECK (${withoutArrayCasts(check)})`]),
  ].join('\n')
}

function commentOnPolicy({ schema, table, name, comment }: PolicyDefinition): string[] {
  if (comment === null) return []
  return [
    `COMMENT ON POLICY ${quote(name)} ON ${qualified({ schema, name: table })} IS ${escapeLiteral(comment)}`,
  ]
}
