import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Oids of the relations of which a role may read some columns and not the whole: SELECT was granted on columns. */
export async function listPartlyReadable(db: Database): Promise<Set<number>> {
  const { rows } = await sql<{ oid: number }>`
    SELECT DISTINCT attribute.attrelid AS oid
    FROM pg_catalog.pg_attribute attribute
    CROSS JOIN pg_catalog.aclexplode(attribute.attacl) privilege
    WHERE attribute.attacl IS NOT NULL AND NOT attribute.attisdropped AND privilege.privilege_type = 'SELECT'`.execute(
    db,
  )
  return new Set(rows.map(({ oid }) => oid))
}

/** What a role may read of some relations. */
export interface ReadRights {
  name: string
  /** Oids of those that it may read at least in part. */
  readable: Set<number>
  /** Oids of those of whose rows policies decide which ones it sees. */
  restricted: Set<number>
}

/** What the role of that name may read of the relations; nothing where there is no such role. */
export async function findRightsOf(db: Database, name: string, oids: number[]): Promise<ReadRights> {
  if (oids.length === 0) return { name, readable: new Set(), restricted: new Set() }
  const { rows } = await sql<{ oid: number; isRestricted: boolean }>`
    SELECT class.oid, class.relrowsecurity AND NOT role.rolsuper AND NOT role.rolbypassrls
      AND (class.relforcerowsecurity OR NOT pg_catalog.pg_has_role(role.oid, class.relowner, 'USAGE')) AS "isRestricted"
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_roles role ON role.rolname = ${name}
    WHERE class.oid = ANY (${oids}::oid[])
      AND pg_catalog.has_schema_privilege(role.oid, class.relnamespace, 'USAGE')
      AND pg_catalog.has_any_column_privilege(role.oid, class.oid, 'SELECT')`.execute(db)
  return {
    name,
    readable: new Set(rows.map(({ oid }) => oid)),
    restricted: new Set(rows.flatMap(({ oid, isRestricted }) => (isRestricted ? oid : []))),
  }
}
