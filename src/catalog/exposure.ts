import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { Read } from './reader.ts'
import type { Relation } from './relations.ts'
import { listRelations } from './relations.ts'

/** A relation that holds rows, and which of the API's roles can use it. */
export interface ExposedRelation extends Relation {
  isExtensionOwned: boolean
  /** The root of its partition tree, if row-level security is on there. */
  securedRoot: string | null
  /** Those of `anon` and `authenticated` that may use its schema and read or write it. */
  reachableBy: string[]
}

/** Every table and view outside of the system's schemas. */
export async function listExposedRelations(db: Database, read: Read): Promise<ExposedRelation[]> {
  const { rows } = await sql<Omit<ExposedRelation, keyof Relation> & { oid: number }>`
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
    SELECT class.oid,
      EXISTS (SELECT FROM pg_catalog.pg_depend depend
        WHERE depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND depend.objid = class.oid
          AND depend.deptype = 'e') AS "isExtensionOwned",
      secured.name AS "securedRoot",
      ARRAY(SELECT role.rolname::text FROM pg_catalog.pg_roles role
        WHERE role.rolname IN ('anon', 'authenticated')
          AND pg_catalog.has_schema_privilege(role.oid, class.relnamespace, 'USAGE')
          AND pg_catalog.has_table_privilege(role.oid, class.oid, 'SELECT, INSERT, UPDATE, DELETE')
        ORDER BY 1) AS "reachableBy"
    FROM pg_catalog.pg_class class
    LEFT JOIN secured ON secured.oid = class.oid
    WHERE class.relkind IN ('r', 'p', 'v', 'm', 'f') AND class.relpersistence <> 't'`.execute(db)
  const exposure = new Map(rows.map((row) => [row.oid, row]))
  return (await read(listRelations)).flatMap((relation) => {
    const found = exposure.get(relation.oid)
    return found ? { ...relation, ...found } : []
  })
}
