import type { ClientBase } from 'pg'
import { inOneState } from '../../fingerprint/oneState.ts'
import { readExtendedState } from './extendedState.ts'
import type { ExtendedState } from './extendedState.ts'

/** What a planner knows of a relation's size. */
export interface RelationState {
  schema: string
  name: string
  /** Blocks of the main fork as it is now; partitioned tables and indexes have none. */
  blocks: number
  /** As VACUUM and ANALYZE have left them in `pg_class`; -1 rows where neither has ever run. */
  relpages: number
  reltuples: number
  relallvisible: number
  /** Of an index only. */
  method: string | null
  /** Of an index: its key columns, as the table calls them; null for an expression. */
  keys: (string | null)[] | null
  /** Of an index. */
  table: string | null
}

/** A line of `pg_stats`: what ANALYZE found in a column, or in an expression of an index. */
export interface ColumnState {
  schema: string
  /** The table, or the index whose expression it is. */
  relation: string
  column: string
  inherited: boolean
  nullFraction: number
  /** Bytes on average. */
  width: number
  /** As `pg_stats.n_distinct`: a number of values, or, negative, their share of the rows. */
  distinct: number
  /** Lists of values as PostgreSQL prints arrays. They come from real rows: never print them. */
  commonValues: string | null
  commonFrequencies: number[] | null
  histogram: string | null
  correlation: number | null
  commonElements: string | null
  elementFrequencies: number[] | null
  elementCounts: number[] | null
  rangeLengths: string | null
  rangeEmptyFraction: number | null
  rangeBounds: string | null
}

/** A table of which the planner knows less than it should. */
export interface WithoutStatistics {
  schema: string
  name: string
  reason: 'never analyzed' | 'not visible to this role' | 'extended statistics not visible to this role'
}

/** What PostgreSQL's planner knows of a database beside its schema. */
export interface PlannerState {
  relations: RelationState[]
  columns: ColumnState[]
  extended: ExtendedState[]
  /** Planner settings of the server that are not PostgreSQL's defaults; those of databases and roles are schema. */
  settings: { name: string; value: string }[]
  withoutStatistics: WithoutStatistics[]
}

const ofUser = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp_)'`

const relations = `
  SELECT n.nspname::text AS schema, c.relname::text AS name,
    (CASE WHEN c.relkind IN ('r', 'm', 'i')
      THEN pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint ELSE 0 END)::float8
      AS blocks,
    c.relpages, c.reltuples::float8, c.relallvisible, t.relname::text AS "table", am.amname::text AS method,
    CASE WHEN i.indexrelid IS NOT NULL THEN ARRAY(
      SELECT a.attname::text
      FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
      LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
      WHERE k.place <= i.indnkeyatts ORDER BY k.place) END AS keys
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
  LEFT JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
  LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam AND i.indexrelid IS NOT NULL
  WHERE c.relkind IN ('r', 'm', 'p', 'i') AND ${ofUser}
  ORDER BY 1, 2`

/** Where `pg_stats` shows nothing of ranges, a superuser may read `pg_statistic` itself. */
const rangesOfCatalog = `LEFT JOIN LATERAL (
    SELECT
      CASE 6 WHEN st.stakind1 THEN st.stavalues1 WHEN st.stakind2 THEN st.stavalues2 WHEN st.stakind3 THEN st.stavalues3
        WHEN st.stakind4 THEN st.stavalues4 WHEN st.stakind5 THEN st.stavalues5 END::text AS lengths,
      (CASE 6 WHEN st.stakind1 THEN st.stanumbers1 WHEN st.stakind2 THEN st.stanumbers2 WHEN st.stakind3 THEN st.stanumbers3
        WHEN st.stakind4 THEN st.stanumbers4 WHEN st.stakind5 THEN st.stanumbers5 END)[1] AS empty,
      CASE 7 WHEN st.stakind1 THEN st.stavalues1 WHEN st.stakind2 THEN st.stavalues2 WHEN st.stakind3 THEN st.stavalues3
        WHEN st.stakind4 THEN st.stavalues4 WHEN st.stakind5 THEN st.stavalues5 END::text AS bounds
    FROM pg_catalog.pg_statistic st
    JOIN pg_catalog.pg_class c ON c.oid = st.starelid AND c.relname = n.tablename
    JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace AND s.nspname = n.schemaname
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = st.staattnum AND a.attname = n.attname
    WHERE st.stainherit = n.inherited) ranges ON true`

/** `pg_stats` has shown statistics of ranges since 17. */
const columns = ({ major, seesAll }: { major: number; seesAll: boolean }): string => {
  const [lengths, empty, bounds] =
    major >= 17
      ? ['range_length_histogram::text', 'range_empty_frac', 'range_bounds_histogram::text']
      : seesAll
        ? ['ranges.lengths', 'ranges.empty', 'ranges.bounds']
        : ['NULL', 'NULL', 'NULL']
  return `
  SELECT n.schemaname::text AS schema, n.tablename::text AS relation, n.attname::text AS "column", n.inherited,
    null_frac AS "nullFraction", avg_width AS width, n_distinct AS distinct,
    most_common_vals::text AS "commonValues", most_common_freqs AS "commonFrequencies",
    histogram_bounds::text AS histogram, correlation,
    most_common_elems::text AS "commonElements", most_common_elem_freqs AS "elementFrequencies",
    elem_count_histogram AS "elementCounts",
    ${lengths} AS "rangeLengths", ${empty} AS "rangeEmptyFraction", ${bounds} AS "rangeBounds"
  FROM pg_catalog.pg_stats n ${major < 17 && seesAll ? rangesOfCatalog : ''}
  WHERE ${ofUser.replaceAll('n.nspname', 'n.schemaname')}`
}

/** What a server's own files, command line and environment say; a session's login may hide it, and then it is not known. */
const settings = `
  SELECT name, pg_catalog.current_setting(name) AS value
  FROM pg_catalog.pg_settings
  WHERE (category LIKE 'Query Tuning%' OR name IN (
      'work_mem', 'hash_mem_multiplier', 'max_parallel_workers', 'max_parallel_workers_per_gather', 'max_worker_processes'))
    AND source IN ('configuration file', 'command line', 'environment variable', 'global')
    AND setting IS DISTINCT FROM boot_val
  ORDER BY name`

/**
 * Tables that were never analyzed although they have rows, those of whose columns pg_stats hides one, and those with
 * extended statistics that pg_stats_ext hides: some minor versions show these to the table's owner alone.
 */
const withoutStatistics = `
  SELECT * FROM (
    SELECT n.nspname::text AS schema, c.relname::text AS name, CASE
      WHEN c.reltuples > 0 AND (
          c.relrowsecurity AND pg_catalog.row_security_active(c.oid)
          OR EXISTS (
            SELECT FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')))
        THEN 'not visible to this role'
      WHEN (c.reltuples > 0 OR c.reltuples < 0 AND pg_catalog.pg_relation_size(c.oid) > 0) AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname)
        THEN 'never analyzed'
      WHEN EXISTS (
          SELECT FROM pg_catalog.pg_statistic_ext e
          JOIN pg_catalog.pg_namespace en ON en.oid = e.stxnamespace
          WHERE e.stxrelid = c.oid AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_stats_ext x
            WHERE x.statistics_schemaname = en.nspname AND x.statistics_name = e.stxname))
        THEN 'extended statistics not visible to this role'
      END AS reason
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND ${ofUser}) judged
  WHERE reason IS NOT NULL
  ORDER BY 1, 2`

/**
 * Reads it in one read-only snapshot. What is not visible to the role is in `withoutStatistics`: it wants SELECT on the
 * tables, and BYPASSRLS where they have row-level security.
 */
export async function readPlannerState(source: ClientBase): Promise<PlannerState> {
  return inOneState(source, async () => {
    // One way to write a value, whatever the session's settings are.
    await source.query(`SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'postgres';
      SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL timezone = 'UTC'`)
    const { rows: servers } = await source.query<{ major: number; seesAll: boolean }>(
      `SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS major,
         pg_catalog.has_table_privilege('pg_catalog.pg_statistic', 'SELECT') AS "seesAll"`,
    )
    const { major, seesAll } = servers[0] ?? { major: 0, seesAll: false }
    return {
      relations: (await source.query<RelationState>(relations)).rows,
      columns: (await source.query<ColumnState>(columns({ major, seesAll }))).rows,
      extended: await readExtendedState(source, major),
      settings: (await source.query<{ name: string; value: string }>(settings)).rows,
      withoutStatistics: (await source.query<WithoutStatistics>(withoutStatistics)).rows,
    }
  })
}
