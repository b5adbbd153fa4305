import type { ClientBase } from 'pg'
import { readOnly } from '../db/readOnly.ts'

/** Reading thousands of tables takes seconds; a minute or two means that something is wrong. */
const statementTimeoutMs = 120_000

/**
 * Runs `look` where it sees one state of the schema and cannot write: in a read-only snapshot of its own,
 * or, where the client is inside a transaction already, under a savepoint of that transaction, so that
 * changes which are not committed yet are seen too. Everything that `look` sets is undone.
 */
export async function inSnapshot<T>(client: ClientBase, look: () => Promise<T>): Promise<T> {
  if (client.getTransactionStatus() !== 'T') return readOnly(client, look, { statementTimeoutMs })
  await client.query('SAVEPOINT hundredfold_facts')
  try {
    await client.query(`SELECT set_config('transaction_read_only', 'on', true),
                               set_config('search_path', '', true)`)
    return await look()
  } finally {
    // A broken connection has ended the transaction already.
    await client
      .query('ROLLBACK TO SAVEPOINT hundredfold_facts; RELEASE SAVEPOINT hundredfold_facts')
      .catch(() => undefined)
  }
}
