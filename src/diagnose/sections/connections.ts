import { readConnectionUse } from '../../catalog/connections.ts'
import type { Session } from '../../catalog/sessions.ts'
import { listClientSessions } from '../../catalog/sessions.ts'
import { connectionLimits } from '../../metrics/connectionLimits.ts'
import { targets } from '../../metrics/targets.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

const notShown = 'not shown to this role'

/** Who is connected, and how near that is to the limit. */
export const connections: Section = {
  id: 'connections',
  title: 'Connections',
  async look(context) {
    const use = await context.read(readConnectionUse)
    const [nearest] = connectionLimits(use)
    return {
      blocks: [
        tableBlock({
          id: 'connection_states',
          title: 'Sessions of the whole server',
          figures: 'measured',
          columns: [
            ['state', 'text', ({ state }) => state],
            ['sessions', 'count', ({ sessions }) => sessions],
          ],
          items: [
            { state: 'active', sessions: use.active },
            { state: 'idle', sessions: use.idle },
            { state: 'idle in transaction', sessions: use.idleInTransaction },
            {
              state: notShown,
              sessions: Math.max(0, use.used - use.active - use.idle - use.idleInTransaction),
            },
            { state: 'free', sessions: Math.max(0, use.limit - use.used) },
          ],
          chart: { label: 0, values: [1] },
          note: `The limit is ${use.limit}: max_connections without what is reserved.`,
        }),
        tableBlock({
          id: 'sessions',
          title: 'Sessions of this database',
          figures: 'measured',
          columns: [
            ['user', 'text', ({ role }) => role],
            ['application', 'text', ({ application }) => application],
            ['state', 'text', ({ state }) => state ?? notShown],
            ['sessions', 'count', ({ count }) => count],
            ['longest in this state', 'seconds', ({ stateSeconds }) => stateSeconds],
          ],
          items: groupsOf(await context.read(listClientSessions)),
        }),
      ],
      metrics: [
        {
          id: 'connection_usage',
          title: 'Connection usage',
          value: nearest.percent,
          unit: '%',
          target: targets.connection_usage,
          better: 'lower',
          met: !nearest.isSaturated,
          kind: 'measured',
          note: `at this moment: ${nearest.used} of ${nearest.limit} (${nearest.of}); a pooler in front may be full earlier`,
        },
      ],
    }
  },
}

/** Sessions of one user, application and state, as the one that has been in it longest; the largest groups first. */
function groupsOf(sessions: Session[]): (Session & { count: number })[] {
  const groups = new Map<string, Session & { count: number }>()
  for (const session of sessions) {
    const key = JSON.stringify([session.role, session.application, session.state])
    const known = groups.get(key)
    const longest = known && (known.stateSeconds ?? 0) > (session.stateSeconds ?? 0) ? known : session
    groups.set(key, { ...longest, count: (known?.count ?? 0) + 1 })
  }
  return [...groups]
    .sort(([oneKey, one], [otherKey, other]) => other.count - one.count || (oneKey < otherKey ? -1 : 1))
    .map(([, group]) => group)
}
