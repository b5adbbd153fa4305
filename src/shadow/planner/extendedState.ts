import type { ClientBase } from 'pg'
import type { ColumnState } from './state.ts'

/** What ANALYZE found for a statistics object: how columns and expressions of a table hang together. */
export interface ExtendedState {
  schema: string
  name: string
  inherited: boolean
  /** The names of the table's columns by the numbers that the source gives them; expressions are -1, -2 ... */
  columns: Record<string, string>
  /** As PostgreSQL prints them: `{"1, 2": 50}` and `{"1 => 2": 0.9}`. */
  ndistinct: string | null
  dependencies: string | null
  /** The most common combinations, which are values of real rows: never print them. */
  combinations: Combination[]
  /** One for each expression, in order; null where there are none. */
  expressions: (Omit<ColumnState, 'schema' | 'relation' | 'column' | 'inherited'> | null)[]
}

/** Values in the order of the object's columns and expressions, as text. */
export interface Combination {
  values: (string | null)[]
  frequency: number
  /** How frequent it would be if the columns were independent. */
  baseFrequency: number
}

interface Row extends Omit<ExtendedState, 'combinations'> {
  values: (string | null)[][] | null
  nulls: boolean[][] | null
  frequencies: number[] | null
  baseFrequencies: number[] | null
}

/** `inherited` begins with 15. The names of expressions' statistics are those of columns'. */
const query = (major: number): string => {
  const inherited = major >= 15 ? 's.inherited' : 'false'
  return `
  SELECT s.statistics_schemaname::text AS schema, s.statistics_name::text AS name, ${inherited} AS inherited,
    (SELECT pg_catalog.jsonb_object_agg(a.attnum, a.attname)
     FROM pg_catalog.pg_attribute a
     JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relname = s.tablename
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = s.schemaname
     WHERE a.attnum > 0 AND a.attname = ANY (s.attnames)) AS columns,
    s.n_distinct::text AS ndistinct, s.dependencies::text AS dependencies,
    s.most_common_vals AS values, s.most_common_val_nulls AS nulls, s.most_common_freqs AS frequencies,
    s.most_common_base_freqs AS "baseFrequencies",
    (SELECT coalesce(pg_catalog.jsonb_agg(CASE WHEN x.null_frac IS NOT NULL THEN pg_catalog.jsonb_build_object(
         'nullFraction', x.null_frac, 'width', x.avg_width, 'distinct', x.n_distinct,
         'commonValues', x.most_common_vals::text, 'commonFrequencies', x.most_common_freqs,
         'histogram', x.histogram_bounds::text, 'correlation', x.correlation,
         'commonElements', x.most_common_elems::text, 'elementFrequencies', x.most_common_elem_freqs,
         'elementCounts', x.elem_count_histogram,
         'rangeLengths', null, 'rangeEmptyFraction', null, 'rangeBounds', null) END ORDER BY e.place), '[]')
     FROM pg_catalog.unnest(s.exprs) WITH ORDINALITY AS e (expression, place)
     LEFT JOIN pg_catalog.pg_stats_ext_exprs x ON x.statistics_schemaname = s.statistics_schemaname
       AND x.statistics_name = s.statistics_name AND x.expr = e.expression
       ${major >= 15 ? 'AND x.inherited = s.inherited' : ''}) AS expressions
  FROM pg_catalog.pg_stats_ext s
  WHERE s.statistics_schemaname NOT IN ('pg_catalog', 'information_schema')
    AND (s.n_distinct IS NOT NULL OR s.dependencies IS NOT NULL OR s.most_common_vals IS NOT NULL OR s.exprs IS NOT NULL)
  ORDER BY 1, 2, 3`
}

/** Reads those of statistics objects that this role may see. */
export async function readExtendedState(source: ClientBase, major: number): Promise<ExtendedState[]> {
  const { rows } = await source.query<Row>(query(major))
  return rows.map(({ values, nulls, frequencies, baseFrequencies, ...state }) => ({
    ...state,
    combinations: (values ?? []).map((combination, at) => ({
      values: combination.map((value, place) => (nulls?.[at]?.[place] ? null : value)),
      frequency: frequencies?.[at] ?? 0,
      baseFrequency: baseFrequencies?.[at] ?? 0,
    })),
  }))
}
