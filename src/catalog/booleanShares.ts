import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Shares of the rows, 0 to 1, in which a boolean column is true, false and NULL, as ANALYZE found them. */
export interface BooleanShares {
  true: number
  false: number
  null: number
}

/**
 * Of every column whose common values are `t` and `f`: those of other types that look alike are left to the caller, who
 * knows the column. Of a partitioned table, the statistics of all partitions together.
 */
export async function listBooleanShares(
  db: Database,
): Promise<(schema: string, table: string, column: string) => BooleanShares | undefined> {
  const { rows } = await sql<{
    schema: string
    table: string
    column: string
    values: string
    shares: number[]
    nullFraction: number
  }>`
    SELECT schemaname::text AS schema, tablename::text AS "table", attname::text AS "column",
      most_common_vals::text AS values, most_common_freqs::float8[] AS shares, null_frac::float8 AS "nullFraction"
    FROM pg_catalog.pg_stats
    WHERE most_common_vals::text IN ('{t}', '{f}', '{t,f}', '{f,t}')
      AND schemaname !~ '^pg_' AND schemaname <> 'information_schema'
    ORDER BY inherited`.execute(db)
  const keyOf = (...names: string[]): string => JSON.stringify(names)
  const known = new Map(
    rows.map(({ schema, table, column, values, shares, nullFraction }) => {
      const order = values.slice(1, -1).split(',')
      const shareOf = (value: string): number => shares[order.indexOf(value)] ?? 0
      return [
        keyOf(schema, table, column),
        { true: shareOf('t'), false: shareOf('f'), null: nullFraction },
      ] as const
    }),
  )
  return (...names) => known.get(keyOf(...names))
}
