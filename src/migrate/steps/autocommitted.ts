import type { Statement } from '../../syntax/statements.ts'
import { isConcurrent } from '../statementKind.ts'
import type { Step } from './step.ts'

/** A statement that PostgreSQL commits by itself: VACUUM, REINDEX CONCURRENTLY ... Run twice, it does the same. */
export function autocommitted(statement: Statement): Step {
  return {
    sql: statement.sql,
    autocommit: true,
    isLasting: false,
    async run({ client, lockTimeoutMs, buildTimeoutMs }) {
      // A concurrent build waits for old transactions without blocking anybody, so it has no lock timeout:
      // one would only leave an invalid index behind. VACUUM FULL and the like do block, and keep theirs.
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
