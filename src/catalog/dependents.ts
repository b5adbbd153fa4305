import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A relation or function, and what it makes a statement touch that names it alone. */
export interface Dependent extends RelationName {
  id: string
  isFunction: boolean
  /** By id: tables of a view, of the policies of a table, and of its partitions; functions that these call. */
  uses: string[]
  /** What only a write reaches: tables with a foreign key to it, functions of its triggers. */
  usesInWrites: string[]
  /** The words of a function's body, in lower case; PostgreSQL does not record what a body names. */
  words: Set<string>
}

/** Every relation and function that is not PostgreSQL's own, with what it uses. */
export async function listDependents(db: Database): Promise<Dependent[]> {
  const { rows } = await sql<Omit<Dependent, 'words'> & { body: string | null }>`
    WITH objects AS MATERIALIZED (
      SELECT 'r' || class.oid AS id, namespace.nspname::text AS schema, class.relname::text AS name,
        false AS "isFunction", NULL::text AS body
      FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      WHERE class.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
      UNION ALL
      SELECT 'f' || proc.oid, namespace.nspname::text, proc.proname::text, true, proc.prosrc
      FROM pg_catalog.pg_proc proc JOIN pg_catalog.pg_namespace namespace ON namespace.oid = proc.pronamespace
      JOIN pg_catalog.pg_language language ON language.oid = proc.prolang
      WHERE namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
        AND language.lanname NOT IN ('c', 'internal')
    ),
    uses AS (
      SELECT coalesce('r' || policy.polrelid, 'r' || rule.ev_class, 'f' || proc.oid) AS id,
        CASE depend.refclassid WHEN 'pg_catalog.pg_class'::pg_catalog.regclass THEN 'r' ELSE 'f' END
          || depend.refobjid AS used, false AS in_writes
      FROM pg_catalog.pg_depend depend
      LEFT JOIN pg_catalog.pg_policy policy ON depend.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
        AND policy.oid = depend.objid
      LEFT JOIN pg_catalog.pg_rewrite rule ON depend.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        AND rule.oid = depend.objid
      LEFT JOIN pg_catalog.pg_proc proc ON depend.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND proc.oid = depend.objid
      WHERE depend.refclassid IN
        ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
      UNION SELECT 'r' || inhparent, 'r' || inhrelid, false FROM pg_catalog.pg_inherits
      UNION SELECT 'r' || inhrelid, 'r' || inhparent, false FROM pg_catalog.pg_inherits
      UNION SELECT 'r' || confrelid, 'r' || conrelid, true FROM pg_catalog.pg_constraint WHERE contype = 'f'
      UNION SELECT 'r' || tgrelid, 'f' || tgfoid, true FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
    )
    SELECT objects.*,
      coalesce(array_agg(used) FILTER (WHERE NOT in_writes), '{}') AS uses,
      coalesce(array_agg(used) FILTER (WHERE in_writes), '{}') AS "usesInWrites"
    FROM objects LEFT JOIN uses USING (id)
    GROUP BY objects.id, schema, name, "isFunction", body`.execute(db)
  return rows.map(({ body, ...dependent }) => ({
    ...dependent,
    words: new Set(body?.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? []),
  }))
}
