import type { ClientBase } from 'pg'
import type { RelationName } from '../../postgres/identifiers.ts'
import { qualified } from '../../postgres/identifiers.ts'
import { isConnectionLost } from '../../postgres/sqlState.ts'

/**
 * Makes an autovacuum worker leave a table without that anybody waits behind us. PostgreSQL cancels the worker once
 * somebody has waited for its lock for `deadlock_timeout`, unless it prevents wraparound. So we wait for a lock that
 * conflicts with the worker's, but neither with reads nor with writes.
 *
 * ```sql
 * BEGIN; SET LOCAL lock_timeout = <deadlock_timeout and a bit>;
 * LOCK TABLE ONLY t IN SHARE UPDATE EXCLUSIVE MODE; ROLLBACK;
 * ```
 *
 * @returns false if the worker stayed, or if the role may not lock the table
 */
export async function askAutovacuumToYield(client: ClientBase, table: RelationName): Promise<boolean> {
  try {
    await client.query('BEGIN')
    await client.query(
      `SELECT pg_catalog.set_config('lock_timeout', (setting::int + $1)::text, true)
       FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'`,
      [beyondDeadlockTimeoutMs],
    )
    await client.query(`LOCK TABLE ONLY ${qualified(table)} IN SHARE UPDATE EXCLUSIVE MODE`)
    return true
  } catch (error) {
    if (isConnectionLost(error)) throw error
    return false
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
  }
}

/** The worker needs a moment to end once it has been told. */
const beyondDeadlockTimeoutMs = 500
