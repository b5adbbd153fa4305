import { findCheckpointCounters } from '../../../catalog/checkpoints.ts'
import { readSizeSettings } from '../../../catalog/sizeSettings.ts'
import { readWalBytes, readWalFiles } from '../../../catalog/writeAheadLog.ts'
import { replicationMetrics } from '../../../metrics/definitions/replication.ts'
import { serverMetrics as metrics } from '../../../metrics/definitions/server.ts'
import { freeDiskBytes } from '../../freeDiskBytes.ts'
import type { MetricReader } from '../reader.ts'
import { measure } from '../reader.ts'

/** `pg_class` itself: it lies in the folder of the database. */
const anyRelation = 1259

const facts: MetricReader = {
  metrics: [metrics.startedAt, metrics.version, replicationMetrics.isStandby],
  read: ({ server }) =>
    Promise.resolve({
      measurements: [
        measure(metrics.startedAt, server.startedAt.getTime() / 1_000),
        measure(metrics.version, 1, { short_version: server.version.split(' ')[0] ?? server.version }),
        measure(replicationMetrics.isStandby, server.isStandby ? 1 : 0),
      ],
    }),
}

const settings: MetricReader = {
  metrics: [
    metrics.maxConnections,
    metrics.sharedBuffers,
    metrics.effectiveCacheSize,
    metrics.workMem,
    metrics.maintenanceWorkMem,
    metrics.maxWalSize,
  ],
  async read({ read }) {
    const values = await read(readSizeSettings)
    return {
      measurements: [
        measure(metrics.maxConnections, values.maxConnections),
        measure(metrics.sharedBuffers, values.sharedBuffers),
        measure(metrics.effectiveCacheSize, values.effectiveCacheSize),
        measure(metrics.workMem, values.workMem),
        measure(metrics.maintenanceWorkMem, values.maintenanceWorkMem),
        measure(metrics.maxWalSize, values.maxWalSize),
      ],
    }
  },
}

const checkpoints: MetricReader = {
  metrics: [metrics.timedCheckpoints, metrics.requestedCheckpoints],
  async read({ db }) {
    const { timed, requested } = await findCheckpointCounters(db)
    return {
      measurements: [
        measure(metrics.timedCheckpoints, timed),
        measure(metrics.requestedCheckpoints, requested),
      ],
    }
  },
}

const walWritten: MetricReader = {
  metrics: [metrics.walWritten],
  read: async ({ read }) => ({ measurements: [measure(metrics.walWritten, await read(readWalBytes))] }),
}

const walFiles: MetricReader = {
  metrics: [metrics.walSize, metrics.walSegments],
  async read({ read }) {
    const { files, bytes } = await read(readWalFiles)
    return { measurements: [measure(metrics.walSize, bytes), measure(metrics.walSegments, files)] }
  },
}

/** @param url of the server, since only the disk of this machine can be looked at */
function freeDisk(url: string): MetricReader {
  return {
    metrics: [metrics.freeDisk],
    read: async ({ db }) => ({
      measurements: [measure(metrics.freeDisk, await freeDiskBytes(db, url, anyRelation))],
    }),
  }
}

/** What belongs to the whole server. */
export function serverReaders(url: string): MetricReader[] {
  return [facts, settings, checkpoints, walWritten, walFiles, freeDisk(url)]
}
