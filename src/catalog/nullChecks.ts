import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/**
 * By the table's oid, the numbers of the columns of each CHECK that asks which columns are NULL: `a IS NULL`,
 * `num_nulls(a, b)`. The stored tree shows that without a lock on the table, which printing the expression would need.
 */
export async function listNullChecks(db: Database): Promise<Map<number, number[][]>> {
  const { rows } = await sql<{ tableOid: number; columns: number[] }>`
    SELECT con.conrelid AS "tableOid", con.conkey::int[] AS columns
    FROM pg_catalog.pg_constraint con
    WHERE con.contype = 'c' AND pg_catalog.cardinality(con.conkey) > 1
      AND (con.conbin::text ~ '\{NULLTEST '
        OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname IN ('num_nulls', 'num_nonnulls')
          AND pronamespace = 'pg_catalog'::pg_catalog.regnamespace
          AND pg_catalog.strpos(con.conbin::text, ':funcid ' || pg_proc.oid || ' ') > 0))`.execute(db)
  const byTable = new Map<number, number[][]>()
  for (const { tableOid, columns } of rows) byTable.set(tableOid, [...(byTable.get(tableOid) ?? []), columns])
  return byTable
}
