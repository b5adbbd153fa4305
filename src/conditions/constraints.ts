import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { constraintValidity } from '../catalog/constraints.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** Holds when the table has the constraint and every row is known to meet it. */
export function constraintIsValidated(table: RelationName, constraint: string): Condition {
  return {
    description: `constraint ${displayIdentifier(constraint)} on ${display(table)} is validated`,
    async check(db) {
      const isValidated = await constraintValidity(db, table, constraint)
      if (isValidated) return holds
      return fails(
        'a validated constraint',
        isValidated === undefined ? 'no such constraint' : 'one that is NOT VALID',
      )
    },
  }
}

/** Holds when the table has the constraint, and it is NOT VALID: only rows written since must meet it. */
export function constraintIsNotValidated(table: RelationName, constraint: string): Condition {
  return {
    description: `constraint ${displayIdentifier(constraint)} on ${display(table)} is NOT VALID`,
    async check(db) {
      const isValidated = await constraintValidity(db, table, constraint)
      if (isValidated === false) return holds
      return fails(
        'a constraint that is NOT VALID',
        isValidated === undefined ? 'no such constraint' : 'a validated one',
      )
    },
  }
}

/** Holds when the table has no constraint of that name. */
export function constraintIsAbsent(table: RelationName, constraint: string): Condition {
  return {
    description: `constraint ${displayIdentifier(constraint)} on ${display(table)} is absent`,
    async check(db) {
      const isValidated = await constraintValidity(db, table, constraint)
      return isValidated === undefined ? holds : fails('no such constraint', 'a constraint')
    },
  }
}
