import { listSessionGroups, readConnectionUse } from '../../catalog/connections.ts'
import { connectionLimits } from '../../metrics/connectionLimits.ts'
import { targets } from '../../metrics/targets.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** Who is connected, and how near that is to the limit. */
export const connections: Section = {
  id: 'connections',
  title: 'Connections',
  async look(context) {
    const use = await context.read(readConnectionUse)
    const groups = await listSessionGroups(context.db)
    const [nearest] = connectionLimits(use)
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
