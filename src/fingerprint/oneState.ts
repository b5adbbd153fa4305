import type { ClientBase } from 'pg'
import { borrow } from '../postgres/database.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { underSavepoint } from '../postgres/savepoint.ts'

/** Reading thousands of tables takes seconds; a minute or two means that something is wrong. */
const statementTimeoutMs = 120_000

/**
 * Runs `look` where it sees one state of the schema and cannot write: in a read-only snapshot of its own or, if the
 * client is already in a transaction, under a savepoint of it. There `look` also sees uncommitted changes. Everything
 * that `look` sets is undone.
 */
export async function inOneState<T>(client: ClientBase, look: () => Promise<T>): Promise<T> {
  if (client.getTransactionStatus() !== 'T') return readOnly(client, look, { statementTimeoutMs })
  return underSavepoint(borrow(client), async () => {
    await client.query(`SELECT set_config('transaction_read_only', 'on', true),
                               set_config('search_path', '', true)`)
    return look()
  })
}
