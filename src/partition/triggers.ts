import type { WholeTable, WholeTrigger } from '../catalog/wholeTable.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import { commentOn } from '../operations/comment.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import type { TriggerEdit } from './editSql.ts'
import { editTrigger } from './editSql.ts'

/** While this setting is on in a transaction of the owner, the triggers that we have told so do not fire. */
export const quietSetting = 'hundredfold.quiet'

/** A condition of a trigger: false in the owner's own transactions that move or fill rows. */
export function unlessQuiet({ owner }: Pick<WholeTable, 'owner'>): string {
  const name = `'${owner.replaceAll("'", "''")}'`
  return `NOT (current_user = ${name} AND coalesce(pg_catalog.current_setting('${quietSetting}', true), '') = 'on')`
}

/** Makes the triggers, with what they have beside their definition. */
export async function createTriggers(
  table: RelationName,
  triggers: readonly WholeTrigger[],
  edit: TriggerEdit = {},
): Promise<string[]> {
  const statements: string[] = []
  for (const trigger of triggers) {
    const isPlain = Object.keys(edit).length === 0
    statements.push(
      isPlain ? withoutArrayCasts(trigger.definition) : await editTrigger(trigger.definition, edit),
    )
    statements.push(...stateOf(table, trigger))
    statements.push(...commentOn(`TRIGGER ${quote(trigger.name)} ON ${qualified(table)}`, trigger.comment))
  }
  return statements
}

export function dropTriggers(table: RelationName, triggers: readonly Pick<WholeTrigger, 'name'>[]): string[] {
  return triggers.map(({ name }) => `DROP TRIGGER ${quote(name)} ON ${qualified(table)}`)
}

function stateOf(table: RelationName, { name, enabled }: WholeTrigger): string[] {
  const words = { O: undefined, D: 'DISABLE', R: 'ENABLE REPLICA', A: 'ENABLE ALWAYS' }[enabled]
  return words === undefined ? [] : [`ALTER TABLE ${qualified(table)} ${words} TRIGGER ${quote(name)}`]
}
