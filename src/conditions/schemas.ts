import { displayIdentifier } from '../postgres/identifiers.ts'
import { findSchema } from '../catalog/schemas.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** Holds when the schema exists. */
export function schemaExists(name: string): Condition {
  return {
    description: `schema ${displayIdentifier(name)} exists`,
    check: async (db) => ((await findSchema(db, name)) ? holds : fails('a schema', 'no such schema')),
  }
}

/** Holds when no schema has that name. */
export function schemaIsAbsent(name: string): Condition {
  return {
    description: `schema ${displayIdentifier(name)} is absent`,
    check: async (db) => ((await findSchema(db, name)) ? fails('no such schema', 'a schema') : holds),
  }
}
