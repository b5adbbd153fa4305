import type { ServerFacts } from '../../catalog/server.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import type { MetricDefinition } from '../../metrics/definition.ts'
import type { Measurement } from '../../metrics/measurement.ts'

/** What a reader is given: the snapshot of the round, and whose it is. */
export interface RoundContext extends Snapshot {
  server: Omit<ServerFacts, 'databaseBytes'>
  /** The round's time by our clock, which tests hand in. */
  takenAt: Date
}

/** A metric that could not be read in a round: never 0, and never an error of the round. */
export interface SkippedMetric {
  id: string
  reason: string
}

/** What is said of a metric beside its target: that too little has happened to judge it, for example. */
export interface Verdict {
  id: string
  met: boolean | undefined
  note: string
}

export interface Reading {
  measurements: Measurement[]
  skipped?: SkippedMetric[]
  verdicts?: Verdict[]
}

/**
 * Reads the metrics that one look at the server gives. One that throws NotSeen, lacks a privilege or waits for a lock too
 * long skips all of its metrics.
 */
export interface MetricReader {
  metrics: readonly MetricDefinition[]
  read(context: RoundContext): Promise<Reading>
}

/** The measurement of a metric. */
export function measure(
  { id, unit }: MetricDefinition,
  value: number,
  labels: Record<string, string> = {},
): Measurement {
  return { id, value, unit, labels }
}

/** The measurement, or that it was skipped where the value is missing. */
export function measureOr(
  metric: MetricDefinition,
  value: number | null | undefined,
  labels: Record<string, string>,
  reason: string,
): Reading {
  return value === null || value === undefined
    ? { measurements: [], skipped: [{ id: metric.id, reason }] }
    : { measurements: [measure(metric, value, labels)] }
}

/** Several readings as one. */
export function together(...readings: Reading[]): Reading {
  return {
    measurements: readings.flatMap(({ measurements }) => measurements),
    skipped: readings.flatMap(({ skipped }) => skipped ?? []),
    verdicts: readings.flatMap(({ verdicts }) => verdicts ?? []),
  }
}

/** The label of a metric of which a database has one. */
export function labelsOf({ server }: RoundContext): { datname: string } {
  return { datname: server.database }
}
