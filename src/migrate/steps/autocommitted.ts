import type { Statement } from '../../syntax/statements.ts'
import { isConcurrent } from '../statementKind.ts'
import type { Step } from './step.ts'

/** A statement that PostgreSQL commits by itself: VACUUM, REINDEX CONCURRENTLY ... It may run twice. */
export function autocommitted(statement: Statement): Step {
  return {
    sql: statement.sql,
    autocommit: true,
    isLasting: false,
    async run({ client, lockTimeoutMs, buildTimeoutMs }) {
      // A concurrent build waits for old transactions without blocking anybody. It has no lock timeout, which
      // would only leave an invalid index behind. VACUUM FULL and the like do block, and have a lock timeout.
      await client.query(
        `SET lock_timeout = ${isConcurrent(statement) ? 0 : lockTimeoutMs}; SET statement_timeout = ${buildTimeoutMs}`,
      )
      try {
        await client.query(statement.sql)
      } finally {
        await client.query('RESET lock_timeout; RESET statement_timeout').catch(() => undefined)
      }
    },
  }
}
