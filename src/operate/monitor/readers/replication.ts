import { listReplicationSlots } from '../../../catalog/replicationSlots.ts'
import { listStandbyLags, readOwnLag } from '../../../catalog/replicationLag.ts'
import { replicationMetrics as metrics } from '../../../metrics/definitions/replication.ts'
import type { Measurement } from '../../../metrics/measurement.ts'
import type { MetricReader } from '../reader.ts'
import { measure } from '../reader.ts'

const ownLag: MetricReader = {
  metrics: [metrics.lag],
  read: async ({ read }) => ({ measurements: [measure(metrics.lag, await read(readOwnLag))] }),
}

const standbys: MetricReader = {
  metrics: [metrics.standbyLag],
  async read({ read }) {
    const lags = new Map<string, Measurement>()
    for (const { application, address, state, lagBytes } of await read(listStandbyLags)) {
      if (lagBytes === null) continue
      const labels = { application_name: application, client_addr: address, state }
      const key = JSON.stringify(labels)
      // Of standbys that nothing tells apart, the one that is furthest behind.
      const value = Math.max(lagBytes, lags.get(key)?.value ?? lagBytes)
      lags.set(key, measure(metrics.standbyLag, value, labels))
    }
    return { measurements: [...lags.values()] }
  },
}

const slots: MetricReader = {
  metrics: [metrics.slotLag, metrics.slotActive],
  async read({ read }) {
    const all = await read(listReplicationSlots)
    return {
      measurements: all.flatMap(({ name, type, keptBytes, isActive }) => {
        const labels = { slot_name: name, slot_type: type }
        return [
          ...(keptBytes === null ? [] : [measure(metrics.slotLag, keptBytes, labels)]),
          measure(metrics.slotActive, isActive ? 1 : 0, labels),
        ]
      }),
    }
  },
}

/** Standbys and replication slots. */
export const replicationReaders: readonly MetricReader[] = [ownLag, standbys, slots]
