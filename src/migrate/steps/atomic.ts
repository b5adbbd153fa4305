import type { Statement } from '../../syntax/statements.ts'
import { isLongButQuiet } from '../statementKind.ts'
import type { Step } from './step.ts'

/** A statement that can run in a transaction, together with its mark: a kill leaves both or neither. */
export function atomic(statement: Statement): Step {
  const { sql } = statement
  return {
    sql,
    autocommit: false,
    isLasting: true,
    async run({ client, lockTimeoutMs, statementTimeoutMs, buildTimeoutMs }, mark) {
      const timeoutMs = isLongButQuiet(statement) ? buildTimeoutMs : statementTimeoutMs
      await client.query('BEGIN')
      try {
        await client.query(
          `SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL statement_timeout = ${timeoutMs}`,
        )
        await client.query(sql)
        await mark()
        await client.query('COMMIT')
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined)
        throw error
      }
    },
  }
}
