import { groupBy } from '../../groupBy.ts'
import { displayIdentifier } from '../../postgres/identifiers.ts'
import type { Session } from '../../catalog/sessions.ts'
import type { Violation } from '../rule.ts'
import { CannotSee } from '../rule.ts'

/** The sessions of each role and application: unlike process ids, these stay the same from day to day. */
export function groupSessions(sessions: Session[]): [Session, ...Session[]][] {
  return [...groupBy(sessions, ({ role, application }) => JSON.stringify([role, application])).values()]
}

/** `role app, application "web"` */
export function describeGroup([{ role, application }]: [Session, ...Session[]]): string {
  return `role ${displayIdentifier(role)}, application "${application || 'unnamed'}"`
}

/**
 * The findings, if every session could be seen.
 *
 * @throws CannotSee, with the findings, if some could not
 */
export function unlessHidden(sessions: Session[], findings: Violation[]): Violation[] {
  const hidden = sessions.filter(({ isVisible }) => !isVisible).length
  if (hidden === 0) return findings
  throw new CannotSee(
    `What ${hidden} sessions of other roles do is hidden from this role; a member of pg_read_all_stats sees it.`,
    findings,
  )
}
