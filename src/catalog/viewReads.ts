import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** By the oid of each view and materialized view: the oids of the relations that it reads, also through other views. */
export async function listViewReads(db: Database): Promise<Map<number, number[]>> {
  const { rows } = await sql<{ view: number; relations: number[] }>`
    WITH RECURSIVE direct AS (
      SELECT DISTINCT rule.ev_class AS view, depend.refobjid AS relation
      FROM pg_catalog.pg_rewrite rule
      JOIN pg_catalog.pg_class class ON class.oid = rule.ev_class AND class.relkind IN ('v', 'm')
      JOIN pg_catalog.pg_depend depend ON depend.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        AND depend.objid = rule.oid AND depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      WHERE rule.rulename = '_RETURN' AND depend.refobjid <> rule.ev_class
    ),
    reads AS (
      SELECT view, relation FROM direct
      UNION
      SELECT reads.view, direct.relation FROM reads JOIN direct ON direct.view = reads.relation
    )
    SELECT view, pg_catalog.array_agg(relation) AS relations FROM reads GROUP BY view`.execute(db)
  return new Map(rows.map(({ view, relations }) => [view, relations]))
}
