import { readConnectionUse } from '../../../catalog/connections.ts'
import { countLocks, countSessions, countWaits } from '../../../catalog/sessionCounts.ts'
import { connectionLimits } from '../../../metrics/connectionLimits.ts'
import { lockModes, sessionMetrics as metrics, sessionStates } from '../../../metrics/definitions/sessions.ts'
import type { MetricReader } from '../reader.ts'
import { labelsOf, measure, together } from '../reader.ts'

const connections: MetricReader = {
  metrics: [metrics.connectionUsage, metrics.clientConnections],
  async read({ read }) {
    const use = await read(readConnectionUse)
    const usage = connectionLimits(use).map(({ of, percent }) =>
      measure(metrics.connectionUsage, percent, { of }),
    )
    const used = use.active + use.idleInTransaction
    const hidden = use.used - used - use.idle
    return together(
      { measurements: usage },
      hidden > 0
        ? {
            measurements: [],
            skipped: [
              {
                id: metrics.clientConnections.id,
                reason: `this role does not see the state of ${hidden} connections`,
              },
            ],
          }
        : {
            measurements: [
              measure(metrics.clientConnections, use.idle, { state: 'idle' }),
              measure(metrics.clientConnections, used, { state: 'used' }),
            ],
          },
    )
  },
}

const sessions: MetricReader = {
  metrics: [metrics.sessions, metrics.longestTransaction, metrics.longestIdleInTransaction],
  async read(context) {
    const counts = new Map((await context.read(countSessions)).map((count) => [count.state, count]))
    const labels = labelsOf(context)
    const idle = sessionStates.filter((state) => state.startsWith('idle in transaction'))
    return {
      measurements: [
        ...sessionStates.map((state) =>
          measure(metrics.sessions, counts.get(state)?.sessions ?? 0, { ...labels, state }),
        ),
        ...sessionStates.map((state) =>
          measure(metrics.longestTransaction, counts.get(state)?.transactionSeconds ?? 0, {
            ...labels,
            state,
          }),
        ),
        measure(
          metrics.longestIdleInTransaction,
          Math.max(...idle.map((state) => counts.get(state)?.stateSeconds ?? 0)),
          labels,
        ),
      ],
    }
  },
}

const locks: MetricReader = {
  metrics: [metrics.locks, metrics.waiting, metrics.longestWait],
  async read(context) {
    const counts = new Map((await context.read(countLocks)).map(({ mode, locks: held }) => [mode, held]))
    const waits = await context.read(countWaits)
    const labels = labelsOf(context)
    return {
      measurements: [
        ...lockModes.map((mode) => measure(metrics.locks, counts.get(mode) ?? 0, { ...labels, mode })),
        measure(metrics.waiting, waits.sessions, labels),
        measure(metrics.longestWait, waits.longestSeconds, labels),
      ],
    }
  },
}

/** Connections, sessions and locks. */
export const sessionReaders: readonly MetricReader[] = [connections, sessions, locks]
