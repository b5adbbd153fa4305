import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** What an index can serve, whatever its name is. */
export interface IndexShape {
  table: RelationName
  /** Access method; `btree` where absent. */
  method?: string
  /**
   * Keys as PostgreSQL prints them with an empty `search_path`: `created_at DESC`, `lower(email)`,
   * `full_name extensions.gin_trgm_ops`.
   */
  keys: string[]
  include?: string[]
  /** Predicate as PostgreSQL prints it, such as `(deleted_at IS NULL)`; every row where absent. */
  where?: string
}

/** An existing index, with the parts that decide what it serves. */
export interface ShapedIndex extends RelationName {
  definition: string
  method: string
  keys: string[]
  /** The keys as a backward scan sees them: `DESC` for each ascending one. */
  invertedKeys: string[]
  include: string[]
  where: string | null
}

/** Valid indexes of the table that serve every query that an index of this shape would, by name. */
export async function listIndexesCovering(db: Database, wanted: IndexShape): Promise<ShapedIndex[]> {
  return (await listShapedIndexes(db, wanted.table)).filter((index) => covers(index, wanted))
}

/**
 * Same method; the wanted keys lead, in the same order or all of them inverted; the wanted included columns
 * are somewhere in the index; and the index holds every row that is wanted.
 */
function covers(index: ShapedIndex, wanted: IndexShape): boolean {
  if (index.method !== (wanted.method ?? 'btree')) return false
  if (index.where !== null && index.where !== wanted.where) return false
  // GIN and GiST can search by any of their keys, a B-tree only by its leading ones.
  const leads = (keys: string[]): boolean =>
    index.method === 'btree'
      ? wanted.keys.every((key, at) => keys[at] === key)
      : wanted.keys.every((key) => keys.includes(key))
  if (!leads(index.keys) && !leads(index.invertedKeys)) return false
  const columns = [...index.keys, ...index.invertedKeys, ...index.include]
  return (wanted.include ?? []).every((column) => columns.includes(column))
}

async function listShapedIndexes(db: Database, table: RelationName): Promise<ShapedIndex[]> {
  const { rows } = await sql<ShapedIndex>`
    SELECT namespace.nspname AS schema, class.relname AS name, method.amname AS method,
      pg_catalog.pg_get_indexdef(index.indexrelid) AS definition,
      pg_catalog.pg_get_expr(index.indpred, index.indrelid) AS "where",
      keys.straight AS keys, keys.inverted AS "invertedKeys", include.columns AS include
    FROM pg_catalog.pg_index index
    JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_am method ON method.oid = class.relam
    JOIN pg_catalog.pg_class parent ON parent.oid = index.indrelid
    JOIN pg_catalog.pg_namespace parent_namespace ON parent_namespace.oid = parent.relnamespace
    CROSS JOIN LATERAL (
      SELECT
        array_agg(key || (ARRAY['', ' DESC NULLS LAST', ' NULLS FIRST', ' DESC'])[1 + option] ORDER BY at) AS straight,
        array_agg(key || (ARRAY['', ' DESC NULLS LAST', ' NULLS FIRST', ' DESC'])[4 - option] ORDER BY at) AS inverted
      FROM (
        SELECT at, index.indoption[at - 1] AS option,
          pg_catalog.pg_get_indexdef(index.indexrelid, at, false)
            || CASE WHEN collation_namespace.nspname IS NULL THEN ''
                 ELSE pg_catalog.format(' COLLATE %I.%I', collation_namespace.nspname, collations.collname) END
            || CASE WHEN class.opcdefault THEN ''
                 ELSE pg_catalog.format(' %I.%I', class_namespace.nspname, class.opcname) END AS key
        FROM pg_catalog.generate_series(1, index.indnkeyatts::int) at
        JOIN pg_catalog.pg_opclass class ON class.oid = index.indclass[at - 1]
        JOIN pg_catalog.pg_namespace class_namespace ON class_namespace.oid = class.opcnamespace
        JOIN pg_catalog.pg_attribute part ON part.attrelid = index.indexrelid AND part.attnum = at
        LEFT JOIN pg_catalog.pg_attribute base
          ON base.attrelid = index.indrelid AND base.attnum = index.indkey[at - 1] AND base.attnum > 0
        LEFT JOIN pg_catalog.pg_type type ON type.oid = part.atttypid
        LEFT JOIN pg_catalog.pg_collation collations
          ON collations.oid = index.indcollation[at - 1]
          AND index.indcollation[at - 1] <> coalesce(base.attcollation, type.typcollation)
        LEFT JOIN pg_catalog.pg_namespace collation_namespace ON collation_namespace.oid = collations.collnamespace
      ) part
    ) keys
    CROSS JOIN LATERAL (
      SELECT ARRAY(
        SELECT pg_catalog.pg_get_indexdef(index.indexrelid, at, false)
        FROM pg_catalog.generate_series(index.indnkeyatts + 1, index.indnatts::int) at
      ) AS columns
    ) include
    WHERE parent_namespace.nspname = ${table.schema} AND parent.relname = ${table.name} AND index.indisvalid
    ORDER BY class.relname`.execute(db)
  return rows
}
