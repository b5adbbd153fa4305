import { constraintIsAbsent, constraintIsValidated } from '../conditions/constraints.ts'
import { foreignKeysAreAlike } from '../conditions/foreignKeys.ts'
import type { ForeignKeyDetails } from '../catalog/foreignKeyDetails.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import { commentOn } from './comment.ts'
import { NotReversible } from './notReversible.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Drops a foreign key that another one of the table repeats. `down` adds it as NOT VALID, which locks writers out for a
 * moment, and then checks the rows while everybody works.
 *
 * ```sql
 * ALTER TABLE "public"."orders" DROP CONSTRAINT "orders_customer_fk2"
 * -- down
 * ALTER TABLE "public"."orders" ADD CONSTRAINT "orders_customer_fk2" FOREIGN KEY (...) REFERENCES ... NOT VALID
 * ALTER TABLE "public"."orders" VALIDATE CONSTRAINT "orders_customer_fk2"
 * ```
 *
 * @param definition of the dropped one, as `pg_get_constraintdef` prints it
 * @param keysAlike unique indexes of the referenced table on these columns
 * @throws NotReversible if it cannot be added again exactly
 */
export function dropForeignKey(
  dropped: ForeignKeyDetails,
  kept: ForeignKeyDetails,
  { definition, keysAlike, ...reason }: Reason & { definition: string | undefined; keysAlike: number },
): Operation {
  const { table, name, comment } = dropped
  if (definition === undefined) throw new NotReversible(`another session locks ${display(table)}`)
  if (!dropped.isOurs) {
    throw new NotReversible(
      `it takes the owner of ${display(table)} to drop it, and REFERENCES on ${display(dropped.references)} to add it again`,
    )
  }
  if (dropped.isPartitioned) {
    throw new NotReversible(
      'on partitioned tables it cannot be added again without reading them under a lock',
    )
  }
  if (!dropped.isValidated || !dropped.isEnforced) throw new NotReversible('neither of them is validated')
  if (dropped.isSilenced) throw new NotReversible('its triggers are disabled')
  if (keysAlike > 1) {
    throw new NotReversible(
      `${display(dropped.references)} has ${keysAlike} unique indexes on these columns, and the new one might depend on another one`,
    )
  }
  const alter = `ALTER TABLE ${qualified(table)}`
  return {
    ...work('dropForeignKey', table, name, definition),
    on: [table.schema, table.name],
    title: operationTitle('drop', table.name, name),
    ...reason,
    up: [`${alter} DROP CONSTRAINT ${quote(name)}`],
    down: [
      `${alter} ADD CONSTRAINT ${quote(name)} ${definition} NOT VALID`,
      ...commentOn(`CONSTRAINT ${quote(name)} ON ${qualified(table)}`, comment),
      `${alter} VALIDATE CONSTRAINT ${quote(name)}`,
    ],
    before: [condition(foreignKeysAreAlike, table, name, kept.name, definition)],
    after: [condition(constraintIsAbsent, table, name), condition(constraintIsValidated, table, kept.name)],
    noTransaction: 'VALIDATE reads the whole table, and must not hold the lock of ADD CONSTRAINT meanwhile.',
  }
}
