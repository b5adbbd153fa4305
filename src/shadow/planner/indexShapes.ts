import type { ClientBase } from 'pg'
import { qualified } from '../../postgres/identifiers.ts'
import type { IndexShape, KeyStatistics } from './indexSize.ts'

/** An index of the shadow, empty as it is, with what its size on the source hangs on. */
export interface ShapedIndex extends IndexShape {
  schema: string
  name: string
}

interface Row {
  schema: string
  name: string
  tableSchema: string
  table: string
  method: string
  unique: boolean
  options: Record<string, string> | null
  predicate: string | null
  tableRows: number
  tableBlocks: number
  deduplicates: boolean
  sorts: boolean
  columns: ColumnRow[]
}

interface ColumnRow {
  isKey: boolean
  length: number
  alignment: string
  opclass: string
  isExpression: boolean
  own: Found | null
  /** Of the column that an expression reads, where the expression has none itself. */
  inner: Found | null
}

interface Found {
  nullFraction: number
  width: number
  distinct: number
  commonFrequencies: number[] | null
  correlation: number | null
  elements: number | null
  elementFrequencies: number[] | null
  elementCounts: number[] | null
}

const found = `pg_catalog.jsonb_build_object(
  'nullFraction', s.null_frac, 'width', s.avg_width, 'distinct', s.n_distinct,
  'commonFrequencies', s.most_common_freqs, 'correlation', s.correlation,
  'elements', pg_catalog.array_length(s.most_common_elems::text::text[], 1),
  'elementFrequencies', s.most_common_elem_freqs, 'elementCounts', s.elem_count_histogram)`

/** Whether the operator classes of all key columns have the support function of that number. */
const allSupport = (number: number): string => `NOT EXISTS (
      SELECT FROM pg_catalog.unnest(i.indclass::oid[]) AS k (opclass)
      JOIN pg_catalog.pg_opclass o ON o.oid = k.opclass
      WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_amproc p WHERE p.amprocfamily = o.opcfamily AND p.amprocnum = ${number}
          AND p.amproclefttype = o.opcintype))`

const query = `
  SELECT n.nspname::text AS schema, c.relname::text AS name, tn.nspname::text AS "tableSchema", t.relname::text AS "table",
    am.amname::text AS method, i.indisunique AS "unique",
    (SELECT pg_catalog.jsonb_object_agg(option_name, option_value) FROM pg_catalog.pg_options_to_table(c.reloptions)) AS options,
    pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
    greatest(t.reltuples, 0)::float8 AS "tableRows",
    (pg_catalog.pg_relation_size(t.oid) / 8192)::float8 AS "tableBlocks",
    ${allSupport(4)} AND am.amname = 'btree' AS deduplicates,
    ${allSupport(11)} AND am.amname = 'gist' AS sorts,
    (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'isKey', a.attnum <= i.indnkeyatts, 'length', a.attlen, 'alignment', a.attalign, 'opclass', o.opcname,
        'isExpression', column_of_table.attname IS NULL,
        'own', (SELECT ${found} FROM pg_catalog.pg_stats s
          WHERE NOT s.inherited AND (s.schemaname, s.tablename, s.attname)
            = (CASE WHEN column_of_table.attname IS NULL THEN n.nspname ELSE tn.nspname END,
               CASE WHEN column_of_table.attname IS NULL THEN c.relname ELSE t.relname END,
               coalesce(column_of_table.attname, a.attname))),
        'inner', (SELECT ${found} FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_attribute read ON read.attrelid = d.refobjid AND read.attnum = d.refobjsubid
          JOIN pg_catalog.pg_stats s ON NOT s.inherited AND (s.schemaname, s.tablename, s.attname) = (tn.nspname, t.relname, read.attname)
          WHERE column_of_table.attname IS NULL AND d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
            AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = t.oid AND d.refobjsubid > 0
          ORDER BY s.avg_width DESC LIMIT 1)
      ) ORDER BY a.attnum)
     FROM pg_catalog.pg_attribute a
     LEFT JOIN pg_catalog.pg_attribute column_of_table ON column_of_table.attrelid = t.oid
       AND column_of_table.attnum = i.indkey[a.attnum - 1] AND i.indkey[a.attnum - 1] > 0
     LEFT JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[a.attnum - 1]
     WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns
  FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS wanted (schema name, name name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind = 'i'
  JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
  JOIN pg_catalog.pg_am am ON am.oid = c.relam
  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
  JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
  ORDER BY 1, 2`

/** Reads shapes of indexes from the shadow, as superuser; partial ones have the rows that the planner expects. */
export async function readIndexShapes(
  client: ClientBase,
  indexes: readonly { schema: string; name: string }[],
): Promise<ShapedIndex[]> {
  const { rows } = await client.query<Row>(query, [JSON.stringify(indexes)])
  const shaped: ShapedIndex[] = []
  for (const row of rows) {
    // Of a table that was never analyzed the planner guesses from its pages.
    const isKnown = row.predicate === null && row.tableRows >= 0
    const of = isKnown ? row.tableRows : await rowsWhere(client, row, row.predicate ?? 'true')
    shaped.push({
      schema: row.schema,
      name: row.name,
      method: row.method,
      unique: row.unique,
      fillfactor: row.options?.['fillfactor'] === undefined ? null : Number(row.options['fillfactor']),
      sorts: row.sorts,
      deduplicates: row.deduplicates && row.options?.['deduplicate_items'] !== 'off',
      pagesPerRange:
        row.options?.['pages_per_range'] === undefined ? null : Number(row.options['pages_per_range']),
      rows: of,
      tableBlocks: row.tableBlocks,
      columns: row.columns.map(({ isKey, length, alignment, opclass, isExpression, own, inner }) => ({
        isKey,
        length,
        alignment: { c: 1, s: 2, i: 4, d: 8 }[alignment] ?? 8,
        opclass,
        statistics: statisticsOf(isExpression ? (packed(own, length) ?? inner) : own, of, length),
      })),
    })
  }
  return shaped
}

async function rowsWhere(
  client: ClientBase,
  { tableSchema, table }: Row,
  predicate: string,
): Promise<number> {
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
    `EXPLAIN (FORMAT JSON) SELECT FROM ONLY ${qualified({ schema: tableSchema, name: table })} WHERE ${predicate}`,
  )
  return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0
}

/** ANALYZE measures a value of an expression with a header of four bytes, of which the index stores one. */
function packed(state: Found | null, length: number): Found | null {
  return state && length < 0 && state.width < 130 ? { ...state, width: Math.max(1, state.width - 3) } : state
}

/** Where there are none, a value has a typical width and no value comes twice. */
function statisticsOf(state: Found | null, rows: number, length: number): KeyStatistics {
  const width = state?.width ?? (length > 0 ? length : 32)
  const counts = state?.elementCounts ?? null
  const perValue = counts?.at(-1) ?? null
  return {
    nullFraction: state?.nullFraction ?? 0,
    width,
    distinct: Math.min(rows, state ? (state.distinct < 0 ? -state.distinct * rows : state.distinct) : rows),
    commonFrequencies: state?.commonFrequencies ?? [],
    correlation: state?.correlation ?? 0,
    elementsPerValue: perValue,
    // After the elements' own come the least, the greatest and that of NULL.
    elementFrequencies: (state?.elementFrequencies ?? []).slice(0, state?.elements ?? 0),
    elementWidth:
      length > 0 ? length : perValue === null ? 8 : Math.max(2, (width - 21) / Math.max(1, perValue)),
  }
}
