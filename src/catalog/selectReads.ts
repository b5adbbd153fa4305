import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'

/** What a relation reads when it is read itself: a table through its policies for SELECT, a view by its query. */
export type SelectReads = ReadonlyMap<string, ReadonlySet<string>>

/** Every table with row-level security and every view, by `display`; policies for SELECT and for ALL count. */
export async function listSelectReads(db: Database): Promise<SelectReads> {
  const { rows } = await sql<{ reader: RelationName; read: RelationName }>`
    WITH edges AS (
      SELECT policy.polrelid AS reader, depend.refobjid AS read
      FROM pg_catalog.pg_policy policy
      JOIN pg_catalog.pg_class class ON class.oid = policy.polrelid AND class.relrowsecurity
      JOIN pg_catalog.pg_depend depend
        ON depend.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND depend.objid = policy.oid
      WHERE policy.polcmd IN ('r', '*') AND depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      UNION
      SELECT rule.ev_class, depend.refobjid
      FROM pg_catalog.pg_rewrite rule
      JOIN pg_catalog.pg_depend depend
        ON depend.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND depend.objid = rule.oid
      WHERE rule.ev_type = '1' AND rule.ev_class >= 16384
        AND depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    )
    SELECT pg_catalog.json_build_object('schema', namespace.nspname, 'name', class.relname) AS reader,
      pg_catalog.json_build_object('schema', read_namespace.nspname, 'name', read.relname) AS read
    FROM edges
    JOIN pg_catalog.pg_class class ON class.oid = edges.reader
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_class read ON read.oid = edges.read
    JOIN pg_catalog.pg_namespace read_namespace ON read_namespace.oid = read.relnamespace
    WHERE edges.reader <> edges.read`.execute(db)
  const reads = new Map<string, Set<string>>()
  for (const { reader, read } of rows) {
    const known = reads.get(display(reader)) ?? new Set<string>()
    reads.set(display(reader), known.add(display(read)))
  }
  return reads
}
