import { listSessionGroups, readConnectionUse } from '../../introspect/connections.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** Who is connected, and how near that is to the limit. */
export const connections: Section = {
  id: 'connections',
  title: 'Connections',
  async look(context) {
    const use = await context.read(readConnectionUse)
    const groups = await listSessionGroups(context.db)
    const nearest = nearestLimit(use)
    const percent = Number(((100 * nearest.used) / nearest.limit).toFixed(1))
    return {
      blocks: [
        tableBlock({
          id: 'connection_states',
          title: 'Sessions of the whole server',
          figures: 'measured',
          columns: [
            ['state', 'text'],
            ['sessions', 'count'],
          ],
          rows: [
            ['active', use.active],
            ['idle', use.idle],
            ['idle in transaction', use.idleInTransaction],
            ['not shown to this role', Math.max(0, use.used - use.active - use.idle - use.idleInTransaction)],
            ['free', Math.max(0, use.limit - use.used)],
          ],
          chart: { label: 0, values: [1] },
          note: `The limit is ${use.limit}: max_connections without what is reserved.`,
        }),
        tableBlock({
          id: 'sessions',
          title: 'Sessions of this database',
          figures: 'measured',
          columns: [
            ['user', 'text'],
            ['application', 'text'],
            ['state', 'text'],
            ['sessions', 'count'],
            ['longest in this state', 'seconds'],
          ],
          rows: groups.map((group) => [
            group.user,
            group.application,
            group.state,
            group.sessions,
            group.longestSeconds,
          ]),
        }),
      ],
      metrics: [
        {
          id: 'connection_usage',
          title: 'Connection usage',
          value: percent,
          unit: '%',
          target: 80,
          better: 'lower',
          met: percent < 80,
          kind: 'measured',
          note: `at this moment: ${nearest.used} of ${nearest.limit} (${nearest.name}); a pooler in front may be full earlier`,
        },
      ],
    }
  },
}

/** Of the limits on server, database and role, the one that is reached first. */
export function nearestLimit(use: {
  limit: number
  used: number
  databaseLimit: number | null
  usedInDatabase: number
  roleLimit: number | null
  usedByRole: number
}): { name: string; used: number; limit: number } {
  const limits = [
    { name: 'server', used: use.used, limit: use.limit },
    { name: 'database', used: use.usedInDatabase, limit: use.databaseLimit },
    { name: 'role', used: use.usedByRole, limit: use.roleLimit },
  ].flatMap(({ limit, ...rest }) => (limit === null || limit <= 0 ? [] : [{ ...rest, limit }]))
  return limits.reduce((one, other) => (other.used / other.limit > one.used / one.limit ? other : one))
}
