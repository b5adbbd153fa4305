import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** How often the values of a column occur, without any of the values. */
export interface ValueFrequencies {
  schema: string
  table: string
  column: string
  /** How many values ANALYZE found to be common, and the share of the rows that they have together. */
  commonValues: number
  commonShare: number
  /** The share of the most frequent one, and of the least frequent one of these; 0 where none is common. */
  mostCommon: number
  leastCommon: number
  nullFraction: number
  /** How many different values it has. */
  distinct: number
  /** Rows of the table, as the planner knows them. */
  rows: number
  /** There is a histogram of the values that are not among the common ones. */
  hasHistogram: boolean
}

/**
 * Of every column with statistics, but arrays, whose values are lists. Read apart and joined here, as
 * `listColumnStatistics` says; of a partitioned table, the statistics of all partitions together.
 */
export async function listValueFrequencies(db: Database): Promise<ValueFrequencies[]> {
  const { rows: statistics } = await sql<ValueFrequencies & { inherited: boolean }>`
    SELECT schemaname::text AS schema, tablename::text AS "table", attname::text AS "column", inherited,
      coalesce(pg_catalog.cardinality(most_common_freqs), 0) AS "commonValues",
      coalesce((SELECT sum(frequency) FROM pg_catalog.unnest(most_common_freqs) AS frequency), 0)::float8 AS "commonShare",
      coalesce(most_common_freqs[1], 0)::float8 AS "mostCommon",
      coalesce(most_common_freqs[pg_catalog.cardinality(most_common_freqs)], 0)::float8 AS "leastCommon",
      null_frac::float8 AS "nullFraction", n_distinct::float8 AS distinct, histogram_bounds IS NOT NULL AS "hasHistogram"
    FROM pg_catalog.pg_stats
    WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema'`.execute(db)
  const { rows: columns } = await sql<
    Pick<ValueFrequencies, 'schema' | 'table' | 'column' | 'rows'> & { isPartitioned: boolean }
  >`
    SELECT n.nspname::text AS schema, c.relname::text AS "table", a.attname::text AS "column",
      greatest(c.reltuples, 0)::float8 AS rows, c.relkind = 'p' AS "isPartitioned"
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid AND t.typcategory <> 'A'
    WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`.execute(
    db,
  )
  const keyOf = (schema: string, table: string, column: string, inherited: boolean): string =>
    JSON.stringify([schema, table, column, inherited])
  const known = new Map(
    statistics.map(({ inherited, ...each }) => [
      keyOf(each.schema, each.table, each.column, inherited),
      each,
    ]),
  )
  return columns.flatMap(({ schema, table, column, rows, isPartitioned }) => {
    const found = known.get(keyOf(schema, table, column, isPartitioned))
    if (!found) return []
    const distinct = found.distinct < 0 ? -found.distinct * rows : found.distinct
    return [{ ...found, rows, distinct }]
  })
}

/** Where `search_path` finds each of the names; undefined for what it does not find. */
export async function resolveTables(
  db: Database,
  names: readonly { schema?: string; name: string }[],
): Promise<(RelationName | undefined)[]> {
  const texts = names.map(({ schema, name }) => JSON.stringify([schema ?? null, name]))
  const { rows } = await sql<{ schema: string | null; name: string | null }>`
    SELECT n.nspname::text AS schema, c.relname::text AS name
    FROM pg_catalog.unnest(${texts}::text[]) WITH ORDINALITY AS wanted (parts, place)
    LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(
      coalesce(pg_catalog.quote_ident(wanted.parts::jsonb ->> 0) || '.', '') || pg_catalog.quote_ident(wanted.parts::jsonb ->> 1))
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    ORDER BY wanted.place`.execute(db)
  return rows.map(({ schema, name }) => (schema === null || name === null ? undefined : { schema, name }))
}

/** Which value of a column is meant: `1/3` and `2/3` are bounds of its histogram, `next` the one after `typical`. */
export type ValueKind = 'common' | 'rare' | 'typical' | 'next' | '1/3' | '2/3'

const schemaOfValues = 'hundredfold_statistics'

/**
 * Makes the function that `valueOf` calls. Values of statistics are values of real rows: with it they go from the
 * statistics into a plan within the server, and never to a client.
 */
export async function installValueOf(db: Database): Promise<void> {
  await sql
    .raw(
      `CREATE SCHEMA IF NOT EXISTS ${schemaOfValues};
       GRANT USAGE ON SCHEMA ${schemaOfValues} TO PUBLIC;
       CREATE OR REPLACE FUNCTION ${schemaOfValues}.value_of(schema_name text, table_name text, column_name text, kind text)
         RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
         SELECT CASE kind
           WHEN 'common' THEN common[1]
           WHEN 'rare' THEN coalesce(bounds[(cardinality(bounds) + 1) / 2], common[cardinality(common)])
           WHEN 'typical' THEN coalesce(bounds[(cardinality(bounds) + 1) / 2], common[(cardinality(common) + 1) / 2])
           WHEN 'next' THEN bounds[(cardinality(bounds) + 1) / 2 + 1]
           WHEN '1/3' THEN bounds[(cardinality(bounds) + 2) / 3]
           ELSE bounds[(2 * cardinality(bounds) + 2) / 3] END
         FROM (
           SELECT most_common_vals::text::text[] AS common, histogram_bounds::text::text[] AS bounds
           FROM pg_catalog.pg_stats
           WHERE schemaname = schema_name AND tablename = table_name AND attname = column_name
           ORDER BY inherited DESC LIMIT 1) statistics $$;
       GRANT EXECUTE ON FUNCTION ${schemaOfValues}.value_of(text, text, text, text) TO PUBLIC`,
    )
    .execute(db)
}

/** The expression for a value of a column, whatever it is. */
export function valueOf(
  { schema, table, column }: Pick<ValueFrequencies, 'schema' | 'table' | 'column'>,
  kind: ValueKind,
): string {
  const names = [schema, table, column, kind].map((text) => `'${text.replaceAll("'", "''")}'`)
  return `${schemaOfValues}.value_of(${names.join(', ')})`
}
