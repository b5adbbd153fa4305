import type { Session } from '../../catalog/sessions.ts'

/** How long a session may be idle before it is ended, in milliseconds; undefined where such sessions stay. */
export interface IdleLimits {
  idleMs: number | undefined
  idleInTransactionMs: number | undefined
}

/**
 * The sessions that have been idle, or idle in a transaction, for at least that long. Never a superuser's, one of
 * replication, one of the server's own processes or of another database, and never one whose state the role may not see.
 */
export function findIdle(
  sessions: readonly Session[],
  { idleMs, idleInTransactionMs }: IdleLimits,
): Session[] {
  return sessions.filter((session) => {
    const { kind, isOfThisDatabase, isSuperuser, state, stateSeconds, isVisible } = session
    if (!isVisible || kind !== 'client backend' || !isOfThisDatabase || isSuperuser) return false
    const limit =
      state === 'idle' ? idleMs : state?.startsWith('idle in transaction') ? idleInTransactionMs : undefined
    return limit !== undefined && stateSeconds !== null && stateSeconds * 1_000 >= limit
  })
}
