import type { ClientBase, QueryResult } from 'pg'
import type { Database } from '../postgres/database.ts'
import { borrow } from '../postgres/database.ts'
import { rollbackText, underSavepoint } from '../postgres/savepoint.ts'
import type { Reader, Results } from './reader.ts'
import { readOnce } from './reader.ts'

/**
 * Reads these kinds at once, before anybody asks: the server works on one statement while we make objects of the reply
 * to the one before. What cannot be read fails for those who ask for it later, and for nobody else.
 *
 * Only readers that set nothing and open no savepoint can be read so.
 *
 * ```sql
 * SAVEPOINT hundredfold_look;
 * ROLLBACK TO SAVEPOINT hundredfold_look; SELECT ...;
 * ROLLBACK TO SAVEPOINT hundredfold_look; SELECT ...;
 * ```
 *
 * @throws only where the session is gone
 */
export async function readAhead(
  client: ClientBase,
  results: Results,
  readers: readonly Reader<unknown>[],
): Promise<void> {
  const read = readOnce(startingAnew(client), results)
  await underSavepoint(borrow(client), () => Promise.allSettled(readers.map(read)))
}

/**
 * A database in which each statement begins by going back to the savepoint, in the same message: it finds the transaction
 * in order although the one before failed. It is sent when the reply to the one before has come, and before anybody
 * works on that reply.
 */
function startingAnew(client: ClientBase): Database {
  let last: Promise<unknown> = Promise.resolve()
  return borrow({
    query: async (text: string, parameters: unknown[]) => {
      const reply = last.then(async () => {
        if (parameters.length === 0) return client.query(`${rollbackText}; ${text}`)
        // PostgreSQL takes parameters with a message of one statement alone.
        await client.query(rollbackText)
        return client.query(text, parameters)
      })
      last = reply.catch(() => undefined)
      return [(await reply) as QueryResult | QueryResult[]].flat().at(-1)
    },
  } as unknown as ClientBase)
}
