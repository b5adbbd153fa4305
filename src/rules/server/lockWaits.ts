import { groupBy } from '../../groupBy.ts'
import { display } from '../../postgres/identifiers.ts'
import type { LockWait } from '../../catalog/lockWaits.ts'
import { listLockWaits } from '../../catalog/lockWaits.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'

/**
 * Sessions that wait for a lock. An ALTER TABLE that waits for one long query blocks every later query of the table, so
 * the queue grows fast.
 *
 * ```sql
 * ALTER TABLE bookings ADD COLUMN ...;  -- before: waits for a report, and every SELECT waits for it
 * SET lock_timeout = '1s';              -- after: gives up, lets the others by, and tries again
 * ```
 */
export const lockWaits = lockWaitsLongerThan(1)

/** The rule with another time after which a wait is a finding. */
export function lockWaitsLongerThan(seconds: number): Rule {
  return {
    name: 'lock_waits',
    finds: 'sessions that have waited for a lock for a second or more',
    cure: 'ending what blocks them, and a lock timeout',
    async find(context) {
      const places = groupBy(await listLockWaits(context.db, seconds), (wait) =>
        JSON.stringify(subjectOf(wait)),
      )
      return [...places.values()].map((waits): Violation => {
        const longest = Math.max(...waits.map((wait) => wait.seconds))
        const waiting = waits.map(({ pid }) => pid)
        const blockers = [...new Set(waits.flatMap(({ blockedBy }) => blockedBy))]
        const first = blockers.filter((pid) => !waiting.includes(pid))
        const [wait] = waits
        const place =
          wait.schema && wait.relation
            ? display({ schema: wait.schema, name: wait.relation })
            : `a lock of type ${wait.lockType}`
        return {
          level: longest >= 30 * seconds ? 'error' : 'warn',
          subject: subjectOf(wait),
          detail: `${waits.length} sessions wait for ${place}, the longest for ${Math.round(longest * 10) / 10} s.`,
          evidence: [
            measured('sessions that wait', waits.length),
            measured('longest', Math.round(longest * 10) / 10, 's'),
            measured('lock wanted', [...new Set(waits.map(({ mode }) => mode))].join(', ')),
            measured('process ids that block', blockers.join(', ')),
          ],
          remedy: runbook(
            'See what holds the lock, and end it if that is safe',
            `SELECT pid, state, xact_start, query FROM pg_stat_activity WHERE pid IN (${(first.length > 0 ? first : blockers).join(', ') || 'NULL'});`,
            'SELECT pg_cancel_backend(pid) ends the statement, pg_terminate_backend(pid) a session that is idle in a transaction.',
            'Run schema changes with a lock_timeout and retries, as `hundredfold migrate up` does.',
          ),
        }
      })
    },
  }
}

function subjectOf({ schema, relation, lockType, role }: LockWait): string[] {
  return schema !== null && relation !== null ? [schema, relation] : [lockType, role]
}
