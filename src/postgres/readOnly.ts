import type { ClientBase } from 'pg'
import { liftSessionLimits } from './sessionLimits.ts'

/**
 * Runs `look` in one read-only snapshot: REPEATABLE READ, writes refused by the server, `search_path`
 * empty so that expressions are printed with every name qualified, and a statement timeout.
 * The transaction always ends in ROLLBACK.
 *
 * ```sql
 * BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
 * SET LOCAL search_path = ''; SET LOCAL statement_timeout = ...; SET LOCAL lock_timeout = ...;
 * ```
 */
export async function readOnly<T>(
  client: ClientBase,
  look: () => Promise<T>,
  options: { statementTimeoutMs?: number; lockTimeoutMs?: number } = {},
): Promise<T> {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY')
  try {
    await client.query(
      `SELECT set_config('search_path', '', true),
              set_config('statement_timeout', $1, true),
              set_config('lock_timeout', $2, true)`,
      [`${options.statementTimeoutMs ?? 30_000}`, `${options.lockTimeoutMs ?? 2_000}`],
    )
    await liftSessionLimits(client)
    return await look()
  } finally {
    // A broken connection has ended the transaction already.
    await client.query('ROLLBACK').catch(() => undefined)
  }
}
