import type { ClientBase, QueryResult } from 'pg'
import type { Database } from '../postgres/database.ts'
import { borrow } from '../postgres/database.ts'
import { rollbackText, underSavepoint } from '../postgres/savepoint.ts'
import type { Reader, Results } from './reader.ts'
import { readOnce } from './reader.ts'

/**
 * Reads these kinds before they are asked for: the server works on one statement while we parse the reply to the one
 * before. A kind that cannot be read fails only for those that ask for it later.
 *
 * Only for readers that set nothing and open no savepoint.
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
 * A database that rolls back to the savepoint before each statement, in the same message: the statement works although
 * the one before failed. It is sent as soon as the previous reply has come, before that reply is parsed.
 */
function startingAnew(client: ClientBase): Database {
  let last: Promise<unknown> = Promise.resolve()
  return borrow({
    query: async (text: string, parameters: unknown[]) => {
      const reply = last.then(async () => {
        if (parameters.length === 0) return client.query(`${rollbackText}; ${text}`)
        // PostgreSQL accepts parameters only in a message of a single statement.
        await client.query(rollbackText)
        return client.query(text, parameters)
      })
      last = reply.catch(() => undefined)
      return [(await reply) as QueryResult | QueryResult[]].flat().at(-1)
    },
  } as unknown as ClientBase)
}
