import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { lockedRelations } from './lockedRelations.ts'

/** What shows that a column of some text type holds uuids. */
export interface UuidText {
  schema: string
  table: string
  column: string
  shownBy: 'values' | 'default' | 'check'
}

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
/** Fewer values may all be uuids by chance, or of one test row. */
const enoughValues = 10

/**
 * Columns of which every value that ANALYZE kept is a uuid: the common ones and the bounds of the histogram, in any case of
 * letters. The server compares; none of the values leaves it. By name, whatever their type is; a column of type uuid is
 * narrower.
 */
export async function listColumnsOfUuids(db: Database): Promise<UuidText[]> {
  const { rows } = await sql<UuidText>`
    WITH kept AS MATERIALIZED (
      SELECT schemaname, tablename, attname,
        pg_catalog.translate(pg_catalog.concat_ws(',', most_common_vals::text, histogram_bounds::text), '{}', '') AS vals
      FROM pg_catalog.pg_stats
      -- 36 characters and the byte of their length.
      WHERE avg_width BETWEEN 36 AND 38 AND schemaname !~ '^pg_' AND schemaname <> 'information_schema'
    )
    SELECT DISTINCT schemaname::text AS schema, tablename::text AS "table", attname::text AS "column", 'values' AS "shownBy"
    FROM kept
    WHERE pg_catalog.length(vals) >= ${37 * enoughValues - 1} AND vals ~* ${`^${uuid}(,${uuid})*$`}`.execute(
    db,
  )
  return rows
}

/**
 * Columns whose default makes a uuid, or whose CHECK asks for one and for nothing else; without those of tables that
 * another session locks. Read it with an empty `search_path`.
 */
export async function listColumnsMeantForUuids(db: Database): Promise<UuidText[]> {
  const made = `^\\(?([^().'|]+\\.)?(gen_random_uuid|uuid_generate_v[0-9a-z]+|uuidv[47])\\(\\)\\)?(::[a-z ]+)?$`
  const { rows } = await sql<UuidText>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locked),
    text_column AS MATERIALIZED (
      SELECT attribute.attrelid, attribute.attnum, attribute.attname, class.relname, namespace.nspname
      FROM pg_catalog.pg_attribute attribute
      JOIN pg_catalog.pg_class class ON class.oid = attribute.attrelid AND class.relkind IN ('r', 'p')
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
        AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
      WHERE attribute.attnum > 0 AND NOT attribute.attisdropped
        AND attribute.atttypid IN ('pg_catalog.text'::pg_catalog.regtype, 'pg_catalog.varchar'::pg_catalog.regtype,
          'pg_catalog.bpchar'::pg_catalog.regtype)
        AND class.oid NOT IN (SELECT oid FROM locked)
    )
    SELECT nspname::text AS schema, relname::text AS "table", attname::text AS "column", 'default' AS "shownBy"
    FROM text_column
    JOIN pg_catalog.pg_attrdef preset ON preset.adrelid = attrelid AND preset.adnum = attnum
    WHERE pg_catalog.pg_get_expr(preset.adbin, preset.adrelid) ~ ${made}
    UNION ALL
    SELECT nspname::text, relname::text, attname::text, 'check'
    FROM text_column
    JOIN pg_catalog.pg_constraint con ON con.conrelid = attrelid AND con.contype = 'c' AND con.conkey = ARRAY[attnum]
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_constraintdef(con.oid) AS definition) printed
    WHERE printed.definition ~ ' ~\\*? .*\\{8\\}.*\\{4\\}.*\\{12\\}' AND printed.definition !~ '\\m(OR|NOT)\\M'`.execute(
    db,
  )
  return rows
}
