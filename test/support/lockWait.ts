import type { Client } from 'pg'

/**
 * Resolves once somebody stands in line for a lock on the table, in the database of `looker`: a wait for the state,
 * since a busy machine may take any time to get there.
 */
export async function untilSomebodyWaitsFor(looker: Client, table: string): Promise<void> {
  const waits = async () => {
    const { rowCount } = await looker.query(
      `SELECT FROM pg_locks WHERE relation = $1::regclass AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      [table],
    )
    return rowCount !== 0
  }
  while (!(await waits())) await new Promise((resolve) => setTimeout(resolve, 20))
}
