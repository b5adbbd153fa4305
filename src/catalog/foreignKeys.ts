import type { Sql } from '../postgres/sql.ts'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A foreign key, seen from the table that has it. */
export interface ForeignKey {
  name: string
  tableOid: number
  table: RelationName
  tableKind: string
  /** In the key's order. */
  columns: string[]
  columnNumbers: number[]
  references: RelationName
  isExtensionOwned: boolean
}

/** Every foreign key that was declared, in one query; a partition's copy of its parent's key is left out. */
export async function listForeignKeys(db: Database): Promise<ForeignKey[]> {
  return selectForeignKeys(db, sql`key.conparentid = 0`)
}

/** The copies that partitions have of their parents' keys, without those that partitions are referenced by. */
export async function listInheritedForeignKeys(db: Database): Promise<ForeignKey[]> {
  return selectForeignKeys(
    db,
    sql`EXISTS (
      SELECT FROM pg_catalog.pg_constraint above WHERE above.oid = key.conparentid AND above.conrelid <> key.conrelid)`,
  )
}

async function selectForeignKeys(db: Database, condition: Sql<unknown>): Promise<ForeignKey[]> {
  const result = await sql<ForeignKey>`
    SELECT key.conname AS name, class.oid AS "tableOid", class.relkind AS "tableKind",
      pg_catalog.json_build_object('schema', namespace.nspname, 'name', class.relname) AS "table",
      ARRAY(SELECT attribute.attname::text
            FROM pg_catalog.unnest(key.conkey) WITH ORDINALITY part (attnum, place)
            JOIN pg_catalog.pg_attribute attribute
              ON attribute.attrelid = class.oid AND attribute.attnum = part.attnum
            ORDER BY part.place) AS columns,
      key.conkey::int[] AS "columnNumbers",
      pg_catalog.json_build_object('schema', referenced_namespace.nspname, 'name', referenced.relname) AS "references",
      owned.objid IS NOT NULL AS "isExtensionOwned"
    FROM pg_catalog.pg_constraint key
    JOIN pg_catalog.pg_class class ON class.oid = key.conrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_class referenced ON referenced.oid = key.confrelid
    JOIN pg_catalog.pg_namespace referenced_namespace ON referenced_namespace.oid = referenced.relnamespace
    LEFT JOIN (
      SELECT DISTINCT objid FROM pg_catalog.pg_depend
      WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND deptype = 'e'
    ) owned ON owned.objid = class.oid
    WHERE key.contype = 'f' AND ${condition}
    ORDER BY namespace.nspname, class.relname, key.conname`.execute(db)
  return result.rows
}

/** Oids of the unique indexes that a foreign key depends on. */
export async function listForeignKeyTargets(db: Database): Promise<Set<number>> {
  const result = await sql<{ oid: number }>`
    SELECT DISTINCT conindid AS oid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND conindid <> 0`.execute(
    db,
  )
  return new Set(result.rows.map(({ oid }) => oid))
}
