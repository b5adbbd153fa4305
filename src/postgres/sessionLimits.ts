import type { ClientBase } from 'pg'

/**
 * Lifts, until the transaction ends, the session limits of the role or database, which could end a long look between two
 * statements. The limits of single statements are always ours.
 *
 * ```sql
 * ALTER ROLE deployer SET idle_in_transaction_session_timeout = '5s'   -- what somebody has set
 * SET LOCAL idle_in_transaction_session_timeout = 0                    -- what this does
 * ```
 */
export async function liftSessionLimits(client: ClientBase): Promise<void> {
  // Older servers do not know the second setting. Asking `pg_settings` would describe every setting.
  await client.query(
    `SELECT pg_catalog.set_config(name, '0', true)
     FROM pg_catalog.unnest(ARRAY['idle_in_transaction_session_timeout', 'transaction_timeout']) AS name
     WHERE pg_catalog.current_setting(name, true) IS NOT NULL`,
  )
}
