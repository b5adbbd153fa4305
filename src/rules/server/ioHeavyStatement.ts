import { listSettings } from '../../catalog/settings.ts'
import { runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { heavyFindings, io } from './heavyStatements.ts'

/**
 * Statements that wait for the disk more than others do.
 *
 * ```sql
 * SELECT count(*) FROM events WHERE kind = $1;   -- before: reads 40 GB from disk at each call
 * CREATE INDEX CONCURRENTLY ON events (kind);    -- after: reads the pages that it needs
 * ```
 */
export const ioHeavyStatement = ioHeavyStatementFrom()

/** The rule with another least time. */
export function ioHeavyStatementFrom(least?: { ms: number; share: number }): Rule {
  return {
    name: 'io_heavy_statement',
    finds:
      'statements with a quarter or more of all I/O time, where that is a minute and a twentieth of all time',
    cure: 'an index, so that they read less',
    async find(context) {
      if ((await context.read(listSettings)).get('track_io_timing')?.value === 'off') {
        throw new CannotSee(
          'track_io_timing is off, so nobody counts how long statements wait for the disk; ALTER SYSTEM SET track_io_timing = on does.',
        )
      }
      return heavyFindings(context, io(least), () =>
        runbook(
          'Let it read less',
          'npx hundredfold advise -- which index the workload wants, and what it would save.',
          'Run EXPLAIN (ANALYZE, BUFFERS) with parameters of a slow call: where are the reads?',
          'Where it writes: large sorts go to temporary files (temp_files), and dirty pages are written by whoever needs room (cache_hit_ratio).',
          'More shared_buffers helps where all that is read often then fits.',
        ),
      )
    },
  }
}
