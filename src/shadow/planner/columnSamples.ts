import type { ClientBase } from 'pg'
import { DatabaseError } from 'pg'
import { quote } from '../../postgres/identifiers.ts'

/** A column of the shadow, and what its statistics know of its values. */
export interface SampledColumn {
  table: string
  column: string
  /** Of the table. */
  owner: string
  rows: number
  nullFraction: number
  /** How many different values it has. */
  distinct: number
  correlation: number | null
  type: string
  /** Without a domain's name: `numeric`. */
  baseType: string
  collation: string | null
  commonValues: string | null
  commonFrequencies: number[] | null
  histogram: string | null
  /** Of the histogram. */
  steps: number
}

/** Finds the column's statistics; undefined where there are none. */
export async function readSampledColumn(
  client: ClientBase,
  tableOid: number,
  column: string,
): Promise<SampledColumn | undefined> {
  const { rows } = await client.query<SampledColumn>(
    `SELECT t.relname::text AS "table", a.attname::text AS "column", o.rolname::text AS owner,
       greatest(t.reltuples, 0)::float8 AS rows, s.null_frac AS "nullFraction", s.correlation,
       (CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * greatest(t.reltuples, 0) ELSE s.n_distinct END)::float8
         AS distinct,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       pg_catalog.format_type(coalesce(nullif(d.typbasetype, 0), d.oid), NULL) AS "baseType",
       pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname) AS collation,
       s.most_common_vals::text AS "commonValues", s.most_common_freqs AS "commonFrequencies",
       s.histogram_bounds::text AS histogram,
       coalesce(pg_catalog.array_length(s.histogram_bounds, 1) - 1, 0) AS steps
     FROM pg_catalog.pg_class t
     JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
     JOIN pg_catalog.pg_roles o ON o.oid = t.relowner
     JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attname = $2
     JOIN pg_catalog.pg_type d ON d.oid = a.atttypid
     LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
     LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
     JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = t.relname AND s.attname = a.attname
       AND NOT s.inherited
     WHERE t.oid = $1`,
    [tableOid, column],
  )
  return rows[0]
}

/** A value of the column, and what was asked of it. */
export type Evaluated<Answer> = Answer & {
  /** Share of the rows; of a value of the histogram, that of those around it. */
  weight: number
  /** Whether the weight is counted, as that of a common value is, or assumed. */
  isCounted: boolean
}

/**
 * Asks something of each value that the statistics know: the common ones, those of the histogram in their order, and
 * NULL. As the table's owner, as whom PostgreSQL would build an index. Undefined where it fails: a user's function may.
 *
 * @param expression of the column, which is `result` in `answers`: `result::text AS text`
 */
export async function evaluateOnSamples<Answer extends object>(
  client: ClientBase,
  column: SampledColumn,
  expression: string,
  answers: string,
): Promise<Evaluated<Answer>[] | undefined> {
  const { commonValues, commonFrequencies, histogram, nullFraction } = column
  const common = commonFrequencies ?? []
  const rest = Math.max(0, 1 - nullFraction - common.reduce((sum, frequency) => sum + frequency, 0))
  await client.query('BEGIN READ ONLY')
  try {
    await client.query(`SET LOCAL ROLE ${quote(column.owner)}; SET LOCAL statement_timeout = '5s'`)
    const { rows } = await client.query<
      Answer & { kind: 'common' | 'step' | 'null'; at: number; times: number }
    >(queryOf(column, expression, answers), [commonValues, histogram])
    const times = rows.reduce((sum, row) => sum + (row.kind === 'step' ? row.times : 0), 0)
    const weightOf = ({ kind, at, times: own }: (typeof rows)[number]): number =>
      kind === 'null' ? nullFraction : kind === 'common' ? (common[at - 1] ?? 0) : (rest * own) / times
    return rows
      .filter(({ kind }) => kind !== 'null' || nullFraction > 0)
      .map((row) => ({ ...row, weight: weightOf(row), isCounted: row.kind !== 'step' }))
  } catch (error) {
    // Its message may hold a value.
    if (error instanceof DatabaseError) return undefined
    throw error
  } finally {
    await client.query('ROLLBACK')
  }
}

function queryOf(source: SampledColumn, expression: string, answers: string): string {
  const { table, column, type, collation } = source
  const value = `s.value${collation === null ? '' : ` COLLATE ${collation}`} AS ${quote(column)}`
  return `
    SELECT s.kind, s.at, s.times, ${answers}
    FROM (
      SELECT 'common' AS kind, at::float8, 1 AS times, value
      FROM pg_catalog.unnest($1::text::${type}[]) WITH ORDINALITY AS v (value, at)
      UNION ALL SELECT 'step', at, times, value FROM (${stepsOf(source)}) AS steps
      UNION ALL SELECT 'null', 0, 1, NULL) AS s
    -- OFFSET 0: measured before a sort has packed it, as ANALYZE does.
    CROSS JOIN LATERAL (
      SELECT result, pg_catalog.pg_column_size(result) AS width
      FROM (SELECT ${expression} AS result FROM (SELECT ${value}) AS ${quote(table)} OFFSET 0) AS results OFFSET 0) AS r
    ORDER BY s.kind, s.at`
}

/** More of them say more, and a table's own distinct values cannot be told from those in between. */
const mostPerStep = 20

/** The bounds of the histogram, and values between two bounds, where the type has such, as the planner interpolates too. */
function stepsOf({ type, baseType, distinct, commonFrequencies, steps }: SampledColumn): string {
  const bounds = `SELECT at::float8, value FROM pg_catalog.unnest($2::text::${type}[]) WITH ORDINALITY AS v (value, at)`
  const others = distinct - (commonFrequencies?.length ?? 0)
  const perStep = Math.min(mostPerStep, Math.floor(others / Math.max(1, steps)))
  const between = betweenOf(baseType)
  const grouped = (values: string): string =>
    `SELECT min(at) AS at, count(*)::int AS times, value FROM (${values}) AS known GROUP BY value`
  if (between === undefined || perStep < 2) return grouped(bounds)
  // In no regular distance, so that "every tenth" is no pattern.
  return grouped(`
      SELECT at + share AS at, (${between})::${type} AS value
      FROM (SELECT at, value, pg_catalog.lead(value) OVER (ORDER BY at) AS next FROM (${bounds}) AS b) AS b
      CROSS JOIN pg_catalog.generate_series(0, ${perStep - 1}) AS k
      CROSS JOIN LATERAL (SELECT at * 0.618034 + k * 0.754878 AS place) AS places
      CROSS JOIN LATERAL (SELECT (k + place - pg_catalog.floor(place)) / ${perStep} AS share) AS shares
      WHERE next IS NOT NULL`)
}

/** A value between two others, in SQL; undefined for types that have none. */
function betweenOf(type: string): string | undefined {
  switch (type) {
    case 'smallint':
    case 'integer':
    case 'bigint':
    case 'numeric':
    case 'real':
    case 'double precision':
      return 'value::numeric + (next::numeric - value::numeric) * share::numeric'
    case 'date':
      return 'value + pg_catalog.round((next - value) * share)::int'
    case 'timestamp without time zone':
    case 'timestamp with time zone':
      return 'value + (next - value) * share'
    default:
      return undefined
  }
}
