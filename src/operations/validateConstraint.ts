import { constraintIsNotValidated, constraintIsValidated } from '../conditions/constraints.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import type { UnvalidatedConstraint } from '../catalog/constraints.ts'
import { commentOn } from './comment.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import { NotReversible } from './notReversible.ts'
import { operationTitle } from './titles.ts'

/**
 * Checks the old rows against a constraint, while others read and write. PostgreSQL has no statement that undoes the
 * check, so `down` drops the constraint and adds it as it was, in one transaction.
 *
 * ```sql
 * ALTER TABLE "public"."a" VALIDATE CONSTRAINT "a_b_check"
 * -- down
 * ALTER TABLE "public"."a" DROP CONSTRAINT "a_b_check"
 * ALTER TABLE "public"."a" ADD CONSTRAINT "a_b_check" CHECK ((b > 0)) NOT VALID
 * ```
 *
 * @throws NotReversible if other tables share the constraint by inheritance
 */
export function validateConstraint(constraint: UnvalidatedConstraint, reason: Reason): Operation {
  const { table, name, definition, comment } = constraint
  if (constraint.isShared) throw new NotReversible('other tables share the constraint by inheritance')
  if (!definition.endsWith(' NOT VALID')) {
    throw new NotReversible(`its definition cannot be repeated exactly: ${definition}`)
  }
  const alter = `ALTER TABLE ${qualified(table)}`
  return {
    ...work('validateConstraint', table, name, definition),
    on: [table.schema, table.name],
    title: operationTitle('validate', table.name, name),
    ...reason,
    up: [`${alter} VALIDATE CONSTRAINT ${quote(name)}`],
    down: [
      `${alter} DROP CONSTRAINT ${quote(name)}`,
      `${alter} ADD CONSTRAINT ${quote(name)} ${withoutArrayCasts(definition)}`,
      ...commentOn(`CONSTRAINT ${quote(name)} ON ${qualified(table)}`, comment),
    ],
    before: [condition(constraintIsNotValidated, table, name)],
    after: [condition(constraintIsValidated, table, name)],
  }
}
