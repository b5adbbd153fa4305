import type { ClientBase } from 'pg'
import { UsageError } from '../errors.ts'
import { splitStatements } from '../syntax/statements.ts'
import { isTransactionControl } from './statementKind.ts'

/**
 * The client that a condition gets. The transaction is the runner's: BEGIN, COMMIT, ROLLBACK and the like are refused;
 * savepoints are allowed. Every query uses the extended protocol, in which the server takes one statement per request,
 * so that no second statement can follow a `;`.
 */
export function guarded(client: ClientBase): ClientBase {
  const query = async (config: string | { text: string; values?: unknown[] }, values?: unknown[]) => {
    const text = typeof config === 'string' ? config : config.text
    for (const statement of isQuery(text) ? [] : await splitStatements(text)) {
      if (isTransactionControl(statement)) {
        throw new UsageError(
          `a condition may not control the transaction: ${statement.sql}`,
          'Conditions only look; remove the statement.',
        )
      }
    }
    const request = typeof config === 'string' ? { text, values: values ?? [] } : config
    return client.query({ ...request, queryMode: 'extended' } as never)
  }
  return new Proxy(client, {
    get: (target, property, receiver) =>
      property === 'query' ? query : (Reflect.get(target, property, receiver) as unknown),
  })
}

/** One query, told without the parser: a proof asks thousands. Without a semicolon nothing can stand behind it. */
function isQuery(text: string): boolean {
  return /^\s*(SELECT|WITH)\b/i.test(text) && !text.includes(';')
}
