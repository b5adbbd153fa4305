import { displayIdentifier } from '../postgres/identifiers.ts'
import type { ConnectionUse } from '../catalog/connections.ts'
import { targets } from './targets.ts'

/** A limit on connections, and how much of it is taken. */
export interface ConnectionLimit {
  of: 'server' | 'database' | 'role'
  /** What sets it: `max_connections`, the database, or `role` and its name. */
  subject: string[]
  /** `to the server`, `to app`, `of role app`. */
  place: string
  used: number
  limit: number
  percent: number
  isSaturated: boolean
}

/** The limits on server, database and role that there are, the one that is reached first at the beginning. */
export function connectionLimits(use: ConnectionUse): [ConnectionLimit, ...ConnectionLimit[]] {
  const server = limitOf('server', ['max_connections'], 'to the server', use.used, use.limit)
  const { database, role } = use
  const others = [
    limitOf(
      'database',
      [database],
      `to ${displayIdentifier(database)}`,
      use.usedInDatabase,
      use.databaseLimit,
    ),
    limitOf('role', ['role', role], `of role ${displayIdentifier(role)}`, use.usedByRole, use.roleLimit),
  ].filter(({ limit }) => limit > 0)
  const [nearest = server, ...rest] = [server, ...others].sort((a, b) => b.used / b.limit - a.used / a.limit)
  return [nearest, ...rest]
}

function limitOf(
  of: ConnectionLimit['of'],
  subject: string[],
  place: string,
  used: number,
  limit: number | null,
): ConnectionLimit {
  const percent = limit === null ? 0 : Number(((100 * used) / limit).toFixed(1))
  return {
    of,
    subject,
    place,
    used,
    limit: limit ?? 0,
    percent,
    isSaturated: percent >= targets.connection_usage,
  }
}
