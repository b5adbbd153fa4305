import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A relation that belongs to somebody else. */
export interface ForeignRelation extends RelationName {
  owner: string
}

/** Those of the named relations that exist and are owned neither by the current role nor by a role that it is in. */
export async function listNotOwned(
  db: Database,
  names: { schema?: string; name: string }[],
): Promise<ForeignRelation[]> {
  if (names.length === 0) return []
  const result = await sql<ForeignRelation>`
    SELECT DISTINCT namespace.nspname AS schema, class.relname AS name,
      pg_catalog.pg_get_userbyid(class.relowner)::text AS owner
    FROM pg_catalog.jsonb_to_recordset(${JSON.stringify(names)}::jsonb) AS wanted(schema text, name text)
    JOIN pg_catalog.pg_class class ON class.relname = wanted.name
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      AND (namespace.nspname = wanted.schema
        OR wanted.schema IS NULL AND pg_catalog.pg_table_is_visible(class.oid))
    WHERE NOT pg_catalog.pg_has_role(class.relowner, 'USAGE')
    ORDER BY 1, 2`.execute(db)
  return result.rows
}

/** Those of the named schemas that exist and in which the current role may not create objects. */
export async function listSchemasWithoutCreate(db: Database, schemas: string[]): Promise<string[]> {
  if (schemas.length === 0) return []
  const { rows } = await sql<{ name: string }>`
    SELECT nspname AS name FROM pg_catalog.pg_namespace
    WHERE nspname = ANY (${schemas}) AND NOT pg_catalog.has_schema_privilege(oid, 'CREATE')
    ORDER BY nspname`.execute(db)
  return rows.map(({ name }) => name)
}

/** The current role, the database, and whether the role may create schemas in it. */
export async function findDatabasePrivilege(
  db: Database,
): Promise<{ role: string; database: string; mayCreate: boolean }> {
  const result = await sql<{ role: string; database: string; mayCreate: boolean }>`
    SELECT current_user::text AS role, pg_catalog.current_database()::text AS database,
      pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS "mayCreate"`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the server did not say who we are')
  return row
}

/**
 * Who may call a function that the current role makes in this schema, before anybody grants or revokes: `''` for everybody,
 * which is what PostgreSQL begins with, unless `ALTER DEFAULT PRIVILEGES` says otherwise. The role itself is not listed.
 */
export async function listDefaultCallers(db: Database, schema: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    WITH self AS (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user),
    defaults AS (
      SELECT defaclnamespace AS namespace, defaclacl AS privileges FROM pg_catalog.pg_default_acl, self
      WHERE defaclrole = self.oid AND defaclobjtype = 'f'
    ),
    -- Those of all schemas take the place of what PostgreSQL begins with; those of one schema are added.
    listed AS (
      SELECT privileges FROM defaults WHERE namespace = 0
      UNION ALL SELECT pg_catalog.acldefault('f', self.oid) FROM self
        WHERE NOT EXISTS (SELECT FROM defaults WHERE namespace = 0)
      UNION ALL SELECT privileges FROM defaults
        WHERE namespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ${schema})
    )
    SELECT DISTINCT coalesce(role.rolname::text, '') AS name
    FROM listed, self, pg_catalog.aclexplode(privileges) privilege
    LEFT JOIN pg_catalog.pg_roles role ON role.oid = privilege.grantee
    WHERE privilege.privilege_type = 'EXECUTE' AND privilege.grantee <> self.oid
    ORDER BY 1`.execute(db)
  return rows.map(({ name }) => name)
}
