import type { Client } from 'pg'

/** Where the server stands in the count of its transactions: the number of one that does nothing. */
export async function transactionMark(administrator: Client): Promise<string> {
  const { rows } = await administrator.query<{ mark: string }>(`SELECT pg_current_xact_id()::text AS mark`)
  return rows[0]?.mark ?? ''
}

/**
 * Whether a transaction between the two marks was committed. Whatever writes a row has a number, so where the answer
 * is no and only one run was at work meanwhile, its database is as it was.
 */
export async function wasCommitted(administrator: Client, from: string, until: string): Promise<boolean> {
  // A crash forgets the numbers of transactions of which nothing was written to disk: those are not asked for.
  const { rowCount } = await administrator.query(
    `SELECT FROM generate_series($1::bigint + 1, least(
         $2::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint) - 1) number
     WHERE pg_xact_status(number::text::xid8) = 'committed'`,
    [from, until],
  )
  return rowCount !== 0
}

/** A session whose client is gone may still be at work. It is asked for again and again, as a snapshot would hold up builds. */
export async function untilRunnersAreGone(administrator: Client, database: string): Promise<void> {
  const areThere = async () => {
    const { rowCount } = await administrator.query(
      `SELECT FROM pg_stat_activity WHERE application_name = 'hundredfold' AND datname = $1`,
      [database],
    )
    return rowCount !== 0
  }
  while (await areThere()) await new Promise((resolve) => setTimeout(resolve, 2))
}
