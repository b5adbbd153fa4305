import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** A schema and who may use it. */
export interface Schema {
  /** The session's role may create in it. */
  mayCreate: boolean
  /** Roles with USAGE, `''` for PUBLIC. */
  usage: string[]
}

/** The schema of that name, or undefined. */
export async function findSchema(db: Database, name: string): Promise<Schema | undefined> {
  const { rows } = await sql<Schema>`
    SELECT pg_catalog.has_schema_privilege(namespace.oid, 'CREATE') AS "mayCreate",
      ARRAY(
        SELECT coalesce(role.rolname::text, '') FROM pg_catalog.aclexplode(namespace.nspacl) privilege
        LEFT JOIN pg_catalog.pg_roles role ON role.oid = privilege.grantee
        WHERE privilege.privilege_type = 'USAGE' ORDER BY 1) AS usage
    FROM pg_catalog.pg_namespace namespace WHERE namespace.nspname = ${name}`.execute(db)
  return rows[0]
}
