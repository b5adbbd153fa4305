import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'
import { lockedRelations } from './lockedRelations.ts'

/** All that CREATE POLICY and COMMENT ON POLICY say. */
export interface PolicyDefinition {
  oid: number
  schema: string
  table: string
  name: string
  /** `ALL`, `SELECT`, `INSERT`, `UPDATE` or `DELETE`. */
  command: string
  permissive: boolean
  /** Names of the roles; empty for PUBLIC. */
  roles: string[]
  /** As `pg_get_expr` prints it with an empty `search_path`. */
  using: string | null
  check: string | null
  comment: string | null
}

/** Every policy of a table that nobody locks exclusively, by its oid. */
export async function listPolicyDefinitions(db: Database): Promise<Map<number, PolicyDefinition>> {
  const { rows } = await sql<PolicyDefinition>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locked)
    SELECT policy.oid, namespace.nspname::text AS schema, class.relname::text AS table, policy.polname::text AS name,
      CASE policy.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
                         WHEN 'w' THEN 'UPDATE' ELSE 'DELETE' END AS command,
      policy.polpermissive AS permissive,
      ARRAY(SELECT role.rolname::text FROM pg_catalog.unnest(policy.polroles) WITH ORDINALITY AS named(oid, position)
            JOIN pg_catalog.pg_roles role ON role.oid = named.oid ORDER BY named.position) AS roles,
      pg_catalog.pg_get_expr(policy.polqual, policy.polrelid) AS using,
      pg_catalog.pg_get_expr(policy.polwithcheck, policy.polrelid) AS check,
      pg_catalog.obj_description(policy.oid, 'pg_policy') AS comment
    FROM pg_catalog.pg_policy policy
    JOIN pg_catalog.pg_class class ON class.oid = policy.polrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE policy.polrelid NOT IN (SELECT oid FROM locked)`.execute(db)
  return new Map(rows.map((row) => [row.oid, row]))
}
