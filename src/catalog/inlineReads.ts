import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** What a statement on a relation may evaluate as a part of itself: through policies of any command, or a view's query. */
export interface InlineRead {
  readerOid: number
  /** A relation that is read; null if it is a function. */
  relationOid: number | null
  /** A function that is called, which PostgreSQL may inline; null if it is a relation. */
  functionOid: number | null
}

/** What the policies of every table and the query of every view read and call. */
export async function listInlineReads(db: Database): Promise<InlineRead[]> {
  const { rows } = await sql<InlineRead>`
    SELECT DISTINCT code.reader AS "readerOid",
      CASE WHEN depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass THEN depend.refobjid END AS "relationOid",
      CASE WHEN depend.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN depend.refobjid END AS "functionOid"
    FROM (
      SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass AS class, policy.oid, policy.polrelid AS reader
      FROM pg_catalog.pg_policy policy
      UNION ALL
      SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, rule.oid, rule.ev_class
      FROM pg_catalog.pg_rewrite rule WHERE rule.ev_type = '1' AND rule.ev_class >= 16384
    ) code
    JOIN pg_catalog.pg_depend depend ON depend.classid = code.class AND depend.objid = code.oid
      AND depend.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
    WHERE NOT (depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND depend.refobjid = code.reader)
    ORDER BY 1, 2, 3`.execute(db)
  return rows
}
