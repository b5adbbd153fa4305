import { groupBy } from '../../groupBy.ts'
import { displayIdentifier } from '../../postgres/identifiers.ts'
import type { Session } from '../../catalog/sessions.ts'
import type { Finding } from '../rule.ts'
import { CannotSee } from '../rule.ts'

/** Sessions of one role and one application: their process ids change from day to day, these do not. */
export interface SessionGroup {
  role: string
  application: string
  sessions: Session[]
}

export function groupSessions(sessions: Session[]): SessionGroup[] {
  const groups = groupBy(sessions, ({ role, application }) => JSON.stringify([role, application]))
  return [...groups.values()].map((group) => {
    const [{ role, application }] = group
    return { role, application, sessions: group }
  })
}

/** `role app, application "web"` */
export function describeGroup({ role, application }: SessionGroup): string {
  return `role ${displayIdentifier(role)}, application "${application || 'unnamed'}"`
}

/**
 * The findings, where every session could be seen.
 *
 * @throws CannotSee with the findings where some could not
 */
export function unlessHidden(sessions: Session[], findings: Finding[]): Finding[] {
  const hidden = sessions.filter(({ isVisible }) => !isVisible).length
  if (hidden === 0) return findings
  throw new CannotSee(
    `What ${hidden} sessions of other roles do is hidden from this role; a member of pg_read_all_stats sees it.`,
    findings,
  )
}
