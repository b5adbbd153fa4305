import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'

/** A relation of rows, and which of the roles that every request of an API may have can read it. */
export interface ExposedRelation {
  oid: number
  schema: string
  name: string
  /** `r` table, `p` partitioned table, `v` view, `m` materialized view, `f` foreign table. */
  kind: string
  owner: string
  /** The session's role owns it or is a member of its owner. */
  isOurs: boolean
  rowSecurity: boolean
  isExtensionOwned: boolean
  /** The top of the partition tree it belongs to, where row-level security is on there. */
  securedRoot: string | null
  /** A view that reads with the rights of who asks. */
  securityInvoker: boolean
  /** Those of `anon` and `authenticated` that may read or write it, schema included. */
  reachableBy: string[]
}

/** Every table and view outside of the system's schemas. */
export async function listExposedRelations(db: Database): Promise<ExposedRelation[]> {
  const { rows } = await sql<ExposedRelation>`
    WITH RECURSIVE above AS (
      SELECT class.oid, class.oid AS root FROM pg_catalog.pg_class class WHERE class.relispartition
      UNION ALL
      SELECT above.oid, inherits.inhparent FROM above
      JOIN pg_catalog.pg_inherits inherits ON inherits.inhrelid = above.root
    ),
    secured AS (
      SELECT above.oid, min(pg_catalog.format('%I.%I', namespace.nspname, root.relname)) AS name
      FROM above
      JOIN pg_catalog.pg_class root ON root.oid = above.root AND root.relkind = 'p' AND root.relrowsecurity
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = root.relnamespace
      WHERE above.root <> above.oid
      GROUP BY above.oid
    )
    SELECT class.oid, namespace.nspname::text AS schema, class.relname::text AS name, class.relkind::text AS kind,
      pg_catalog.pg_get_userbyid(class.relowner)::text AS owner,
      pg_catalog.pg_has_role(class.relowner, 'USAGE') AS "isOurs", class.relrowsecurity AS "rowSecurity",
      EXISTS (SELECT FROM pg_catalog.pg_depend depend
        WHERE depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND depend.objid = class.oid
          AND depend.deptype = 'e') AS "isExtensionOwned",
      secured.name AS "securedRoot",
      coalesce(class.reloptions && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1', 'security_invoker=yes'], false)
        AS "securityInvoker",
      ARRAY(SELECT role.rolname::text FROM pg_catalog.pg_roles role
        WHERE role.rolname IN ('anon', 'authenticated')
          AND pg_catalog.has_schema_privilege(role.oid, namespace.oid, 'USAGE')
          AND pg_catalog.has_table_privilege(role.oid, class.oid, 'SELECT, INSERT, UPDATE, DELETE')
        ORDER BY 1) AS "reachableBy"
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    LEFT JOIN secured ON secured.oid = class.oid
    WHERE class.relkind IN ('r', 'p', 'v', 'm', 'f') AND class.relpersistence <> 't'
      AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
    ORDER BY 2, 3`.execute(db)
  return rows
}
