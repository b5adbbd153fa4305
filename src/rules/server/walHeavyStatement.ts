import { readBlockSize } from '../../catalog/bloat.ts'
import type { StatementStatistics } from '../../catalog/statements.ts'
import { runbook } from '../remedies.ts'
import type { Remedy, Rule } from '../rule.ts'
import { heavyFindings, wal } from './heavyStatements.ts'

/** From this part on, full pages are what makes the write-ahead log large. */
const mostlyFullPages = 0.5

/**
 * Statements that write much of the write-ahead log. Replicas and the archive take all of it, and a checkpoint comes
 * when there is much of it.
 *
 * ```sql
 * UPDATE products SET price = $1, seen = now();                      -- before: every row, each minute
 * UPDATE products SET price = $1 WHERE price IS DISTINCT FROM $1;    -- after: the rows that change
 * ```
 */
export const walHeavyStatement = walHeavyStatementFrom()

/** The rule with another least amount. */
export function walHeavyStatementFrom(leastBytes?: number): Rule {
  return {
    name: 'wal_heavy_statement',
    finds: 'statements that write a quarter or more of the write-ahead log, a gigabyte a day at least',
    cure: 'writing only rows that change, fewer indexes, or fewer checkpoints',
    async find(context) {
      const blockSize = await context.read(readBlockSize)
      return heavyFindings(context, wal(leastBytes), (statement) => remedyFor(statement, blockSize))
    },
  }
}

function remedyFor({ walFullPages, walBytes }: StatementStatistics, blockSize: number): Remedy {
  if (walFullPages * blockSize >= mostlyFullPages * walBytes) {
    return runbook(
      'Let checkpoints come less often: most of it are full pages',
      'The first change of a page after a checkpoint writes the whole page. See checkpoints_requested for max_wal_size, and raise checkpoint_timeout.',
      'ALTER SYSTEM SET wal_compression = on; -- makes full pages smaller, for some processor time',
      'Keys in random order (uuid version 4) touch a page for each row; keys that grow touch few.',
    )
  }
  return runbook(
    'Write fewer rows, and into fewer indexes',
    'Leave out rows that do not change: UPDATE ... WHERE column IS DISTINCT FROM value; INSERT ... ON CONFLICT DO UPDATE ... WHERE the same.',
    'Each index of the table is written too, unless an update is HOT: see unused_index, redundant_index and low_hot_ratio.',
    'Rows that may be lost after a crash, such as those of an import, need none: UNLOGGED or temporary tables.',
  )
}
