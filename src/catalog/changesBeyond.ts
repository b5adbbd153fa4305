import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** A table whose rows change, or are shown, when those of another one change. */
export interface ChangeBeyond {
  from: number
  to: number
  /** A phrase to which the name of `from` belongs: `the foreign key a_b_fkey cascades to it from`. */
  how: string
}

/**
 * Foreign keys that change the rows that refer to a changed row, and inheritance in both directions: a row of a partition
 * is a row of its parent too.
 */
export async function listChangesBeyond(db: Database): Promise<ChangeBeyond[]> {
  const { rows } = await sql<ChangeBeyond>`
    SELECT key.confrelid AS from, key.conrelid AS to,
      'the foreign key ' || pg_catalog.quote_ident(key.conname) || ' cascades to it from' AS how
    FROM pg_catalog.pg_constraint key
    WHERE key.contype = 'f' AND (key.confdeltype IN ('c', 'n', 'd') OR key.confupdtype IN ('c', 'n', 'd'))
    UNION ALL
    SELECT inhparent, inhrelid, 'it inherits from' FROM pg_catalog.pg_inherits
    UNION ALL
    SELECT inhrelid, inhparent, 'it shows the rows of' FROM pg_catalog.pg_inherits
    ORDER BY 1, 2, 3`.execute(db)
  return rows
}
