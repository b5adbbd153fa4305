import { quote } from '../../postgres/identifiers.ts'
import { listClientSessions } from '../../catalog/sessions.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { isTheCause, readHolder } from './horizonFindings.ts'
import { describeGroup, groupSessions, unlessHidden } from './sessionFindings.ts'

/**
 * Sessions that hold a transaction open and do nothing in it. They keep their locks, and a connection of the pool.
 *
 * ```sql
 * BEGIN; UPDATE bookings SET ...;  -- then a call over the network, or a forgotten console: before
 * ALTER ROLE app SET idle_in_transaction_session_timeout = '60s';  -- after: the server ends such a session
 * ```
 */
export const idleInTransaction = idleInTransactionLongerThan(60)

/** The rule with another time after which an open transaction is a finding. */
export function idleInTransactionLongerThan(seconds: number): Rule {
  return {
    name: 'idle_in_transaction',
    finds: 'sessions that hold a transaction open and do nothing in it',
    cure: 'ending them, and a timeout for their role',
    async find(context) {
      const sessions = await context.read(listClientSessions)
      const holder = await readHolder(context)
      const idle = sessions.filter(
        ({ state, stateSeconds }) =>
          state?.startsWith('idle in transaction') === true && (stateSeconds ?? 0) >= seconds,
      )
      const findings = groupSessions(idle).map((group): Violation => {
        const [{ role, application }] = group
        const longest = Math.max(...group.map(({ stateSeconds }) => stateSeconds ?? 0))
        const pids = group.map(({ pid }) => pid)
        const holds = holder?.kind === 'session' && pids.some((pid) => `${pid}` === holder.name)
        return {
          level: longest >= 10 * seconds ? 'error' : 'warn',
          subject: [role, application || 'unnamed'],
          detail: `${pids.length} sessions (${describeGroup(group)}) hold a transaction open and do nothing in it, the longest for ${Math.round(longest)} s.${holds ? ` ${isTheCause}` : ''}`,
          evidence: [
            measured('sessions', pids.length),
            measured('longest', Math.round(longest), 's'),
            measured('process ids', pids.join(', ')),
          ],
          remedy: runbook(
            'End them, and let the server end the next ones',
            `SELECT pid, state_change, query FROM pg_stat_activity WHERE pid IN (${pids.join(', ')}); -- what each did last`,
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (${pids.join(', ')}) AND state LIKE 'idle in transaction%';`,
            `ALTER ROLE ${quote(role)} SET idle_in_transaction_session_timeout = '60s'; -- new sessions begin with it`,
            'In the application: no call over the network between BEGIN and COMMIT.',
          ),
        }
      })
      return unlessHidden(sessions, findings)
    },
  }
}
