import type { ClientBase } from 'pg'
import type { Session } from '../../catalog/sessions.ts'
import { messageOf } from '../../errors.ts'
import { displayIdentifier } from '../../postgres/identifiers.ts'
import { isConnectionLost } from '../../postgres/sqlState.ts'
import type { Action } from '../action.ts'

/** What became of a session that was to be ended. */
export interface EndedSession {
  session: Session
  outcome: 'ended' | 'spared' | 'gone' | 'refused'
  /** Why it was not ended; for people. */
  reason: string
}

/** How long a session may take to end. Longer ones are told, and end when their client or disk answers. */
const waitMs = 5_000

/**
 * Ends one idle session, if it is still the one that was seen: the same process, started at the same moment, and idle
 * ever since. One that has done anything meanwhile is spared.
 *
 * ```sql
 * SELECT pg_terminate_backend(411, 5000)  -- PostgreSQL 14 waits for the end itself
 * ```
 */
export function endSession(session: Session): Action<EndedSession> {
  const { pid, role, application, state } = session
  const since = Math.round(session.stateSeconds ?? 0)
  return {
    title: `End session ${pid} of ${displayIdentifier(role)}${application ? ` ("${application}")` : ''}, ${state} for ${since} s`,
    sql: `SELECT pg_catalog.pg_terminate_backend(${pid}, ${waitMs})`,
    affects: state === 'idle' ? [] : ['its transaction is rolled back'],
    run: (client) => end(client, session),
  }
}

async function end(client: ClientBase, session: Session): Promise<EndedSession> {
  const { pid, startedAt, state, stateChangedAt } = session
  try {
    const { rows } = await client.query<{ isSame: boolean; done: boolean | null }>(
      `SELECT is_same AS "isSame", CASE WHEN is_same THEN pg_catalog.pg_terminate_backend(pid, $5) END AS done
       FROM (SELECT pid, state = $3 AND state_change = $4::timestamptz AS is_same
             FROM pg_catalog.pg_stat_activity
             WHERE pid = $1 AND backend_start = $2::timestamptz OFFSET 0) session`,
      [pid, startedAt, state, stateChangedAt, waitMs],
    )
    const [found] = rows
    if (!found) return { session, outcome: 'gone', reason: 'it had ended by itself' }
    if (!found.isSame) return { session, outcome: 'spared', reason: 'it has become active meanwhile' }
    if (found.done) return { session, outcome: 'ended', reason: '' }
    return {
      session,
      outcome: 'refused',
      reason: `it was told to end, and has not within ${waitMs / 1_000} s`,
    }
  } catch (error) {
    if (isConnectionLost(error)) throw error
    return { session, outcome: 'refused', reason: messageOf(error) }
  }
}
