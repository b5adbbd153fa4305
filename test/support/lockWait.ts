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

/** Resolves once a runner has looked who holds the locks that it needs, which it does instead of standing in line. */
export async function untilRunnerLooks(looker: Client): Promise<void> {
  while (!(await runnerLooks(looker))) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Whether the last statement of a runner in this database was such a look. */
export async function runnerLooks(looker: Client): Promise<boolean> {
  const { rowCount } = await looker.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND query LIKE '%pg_catalog.pg_locks lock%'`,
  )
  return rowCount !== 0
}
