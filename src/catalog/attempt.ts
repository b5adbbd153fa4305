import { messageOf } from '../errors.ts'
import type { Database } from '../postgres/database.ts'
import type { Under } from '../postgres/savepoint.ts'
import { underSavepoint } from '../postgres/savepoint.ts'
import { errorCode, isConnectionLost } from '../postgres/sqlState.ts'
import { NotSeen } from './notSeen.ts'

/**
 * How a look ended. Skipped: the session could not see what it needs, because of a missing privilege, a lock, a timeout
 * or a dropped object. Failed: any other error.
 */
export type Outcome<T> =
  { status: 'ok'; value: T } | { status: 'skipped' | 'failed'; reason: string; error: unknown }

/**
 * Runs `look` under a savepoint of the snapshot, so that an error ends this look and not the run.
 *
 * @throws only if the session is lost.
 */
export async function attempt<T>(db: Database, look: () => Promise<T>): Promise<Outcome<T>> {
  return attemptUnder((each) => underSavepoint(db, each), look)
}

/** The same for one of many looks that share a savepoint. */
export async function attemptUnder<T>(under: Under, look: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { status: 'ok', value: await under(look) }
  } catch (error) {
    if (isConnectionLost(error)) throw error
    const hidden = whyNotSeen(error)
    return hidden === undefined
      ? { status: 'failed', reason: messageOf(error), error }
      : { status: 'skipped', reason: hidden, error }
  }
}

/** Why the look could not see what it needs; undefined for an unexpected error. */
function whyNotSeen(error: unknown): string | undefined {
  const message = messageOf(error)
  if (error instanceof NotSeen) return message
  if (wasDropped(error)) return `an object was dropped while it was read: ${message}`
  switch (errorCode(error)) {
    case '42501':
      return `the role may not see it: ${message}`
    case '55P03':
      return 'another session holds a lock on an object that it reads'
    case '40001':
    case '40P01':
      return `it conflicted with another session: ${message}`
    case '57014':
      return message.includes('statement timeout')
        ? 'it took longer than the statement timeout'
        : 'its statement was cancelled'
    default:
      return undefined
  }
}

/**
 * Whether an object was dropped meanwhile: the snapshot still shows it, but PostgreSQL can no longer open it. System
 * objects are never dropped; if one is missing, the statement that names it is wrong.
 */
function wasDropped(error: unknown): boolean {
  const message = messageOf(error)
  switch (errorCode(error)) {
    case '42P01':
    case '42704':
      return !/"(pg_catalog\.)?pg_/.test(message)
    case 'XX000':
      return /^(could not open relation with OID|cache lookup failed for) /.test(message)
    default:
      return false
  }
}
