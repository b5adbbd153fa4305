import type { CatalogFunction } from '../../catalog/functions.ts'
import { findFunctionsIn } from '../../catalog/functions.ts'
import { findDatabasePrivilege, listDefaultCallers } from '../../catalog/privileges.ts'
import type { Read } from '../../catalog/reader.ts'
import type { Schema } from '../../catalog/schemas.ts'
import { findSchema } from '../../catalog/schemas.ts'
import { listBuiltinTypes } from '../../catalog/types.ts'
import type { Database } from '../../postgres/database.ts'

/** Where helpers live: outside of the schemas that an API exposes. */
export const privateSchema = 'private'

/** The state of the schema for helpers, and the names of built-in types, which bodies may use without a schema. */
export interface Surroundings {
  schema: Schema | undefined
  /** The session's role may create a function there, or the schema itself. */
  mayCreate: boolean
  /** Who may call a function made there before anybody grants or revokes; `''` for everybody. */
  defaultCallers: string[]
  /** Functions in the schema. */
  helpers: CatalogFunction[]
  builtinTypes: Set<string>
}

/** Reads everything that decides whether a helper can be made. */
export async function readSurroundings(db: Database, read: Read): Promise<Surroundings> {
  const schema = await findSchema(db, privateSchema)
  return {
    schema,
    mayCreate: (schema ?? (await findDatabasePrivilege(db))).mayCreate,
    defaultCallers: await listDefaultCallers(db, privateSchema),
    helpers: await findFunctionsIn(db, privateSchema),
    builtinTypes: await read(listBuiltinTypes),
  }
}
