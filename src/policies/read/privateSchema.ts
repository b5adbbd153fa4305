import { sql } from 'kysely'
import type { Database } from '../../postgres/database.ts'
import type { CatalogFunction } from './functionCatalog.ts'
import { selectFunctions } from './functionCatalog.ts'

/** Where helpers live: outside of the schemas that an API exposes. */
export const privateSchema = 'private'

/** The schema for helpers as it is, and the names of types, for bodies that leave their schema out. */
export interface Surroundings {
  schemaExists: boolean
  /** The session's role may create a function there, or the schema itself. */
  mayCreate: boolean
  /** Roles with USAGE on the schema, `''` for PUBLIC. */
  usage: string[]
  /** Functions in the schema. */
  helpers: CatalogFunction[]
  /** Schemas outside of the system's in which a type has this name. */
  typeSchemas: Map<string, string[]>
}

/** Reads what making a helper depends on. */
export async function readSurroundings(db: Database): Promise<Surroundings> {
  const { rows } = await sql<Pick<Surroundings, 'schemaExists' | 'mayCreate' | 'usage'>>`
    SELECT n.oid IS NOT NULL AS "schemaExists",
      CASE WHEN n.oid IS NULL
        THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
        ELSE pg_catalog.has_schema_privilege(n.oid, 'CREATE') END AS "mayCreate",
      coalesce(ARRAY(
        SELECT coalesce(r.rolname::text, '') FROM pg_catalog.aclexplode(n.nspacl) x
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
        WHERE x.privilege_type = 'USAGE' ORDER BY 1), '{}') AS usage
    FROM (SELECT) AS one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = ${privateSchema}`.execute(db)
  const [schema] = rows
  if (!schema) throw new Error('the server did not answer')
  const { rows: types } = await sql<{ name: string; schemas: string[] }>`
    SELECT t.typname::text AS name, pg_catalog.array_agg(n.nspname::text ORDER BY n.nspname) AS schemas
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
    GROUP BY t.typname`.execute(db)
  return {
    ...schema,
    helpers: await selectFunctions(db, sql`n.nspname = ${privateSchema}`),
    typeSchemas: new Map(types.map(({ name, schemas }) => [name, schemas])),
  }
}
