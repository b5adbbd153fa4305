import type { ClientBase } from 'pg'
import { attemptUnder } from '../../catalog/attempt.ts'
import { readServer } from '../../catalog/server.ts'
import { snapshotOf } from '../../catalog/snapshot.ts'
import { ownMetrics } from '../../metrics/definitions/own.ts'
import { serverMetrics } from '../../metrics/definitions/server.ts'
import type { Measurement } from '../../metrics/measurement.ts'
import { borrow } from '../../postgres/database.ts'
import { readOnly } from '../../postgres/readOnly.ts'
import { underOneSavepointUntilFailure } from '../../postgres/savepoint.ts'
import type { MetricReader, RoundContext, SkippedMetric, Verdict } from './reader.ts'

/** What one look at the database gave. */
export interface Round {
  /** By our clock. */
  takenAt: Date
  measurements: Measurement[]
  /** Metrics that could not be read, and why. */
  skipped: SkippedMetric[]
  verdicts: Verdict[]
  /** Since when the counters of the database count; undefined where it could not be reached. */
  countersSince: Date | undefined
  /** Why the database could not be reached; undefined where it answered. */
  outage: string | undefined
}

/** A round is short: what takes longer is skipped, and waits for no lock. */
const statementTimeoutMs = 5_000
const lockTimeoutMs = 200

/**
 * Reads every metric once, in one snapshot that cannot write.
 *
 * ```sql
 * BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
 * SAVEPOINT hundredfold_look; ...; ROLLBACK TO SAVEPOINT hundredfold_look; RELEASE SAVEPOINT hundredfold_look;
 * ROLLBACK;
 * ```
 *
 * @throws where the session is lost
 */
export async function takeRound(
  client: ClientBase,
  readers: readonly MetricReader[],
  takenAt: Date,
): Promise<Round> {
  const startedAt = performance.now()
  const round: Round = {
    takenAt,
    measurements: [{ id: serverMetrics.up.id, value: 1, unit: serverMetrics.up.unit, labels: {} }],
    skipped: [],
    verdicts: [],
    countersSince: undefined,
    outage: undefined,
  }
  const look = async (): Promise<void> => {
    const snapshot = snapshotOf(borrow(client))
    const server = await snapshot.read(readServer)
    round.countersSince = server.countersSince
    const context: RoundContext = { ...snapshot, server, takenAt }
    await underOneSavepointUntilFailure(context.db, async (under) => {
      for (const reader of readers) {
        const outcome = await attemptUnder(under, () => reader.read(context))
        if (outcome.status !== 'ok') {
          round.skipped.push(...reader.metrics.map(({ id }) => ({ id, reason: outcome.reason })))
          continue
        }
        round.measurements.push(...outcome.value.measurements)
        round.skipped.push(...(outcome.value.skipped ?? []))
        round.verdicts.push(...(outcome.value.verdicts ?? []))
      }
    })
  }
  await readOnly(client, look, { statementTimeoutMs, lockTimeoutMs })
  const { roundDuration } = ownMetrics
  const seconds = (performance.now() - startedAt) / 1_000
  round.measurements.push({ id: roundDuration.id, value: seconds, unit: roundDuration.unit, labels: {} })
  addSkipped(round)
  return round
}

/** The round of a database that did not answer: `up` is 0, and nothing else is known. */
export function outageRound(takenAt: Date, outage: string): Round {
  const { up } = serverMetrics
  return {
    ...{ takenAt, skipped: [], verdicts: [], countersSince: undefined, outage },
    measurements: [{ id: up.id, value: 0, unit: up.unit, labels: {} }],
  }
}

function addSkipped({ measurements, skipped }: Round): void {
  const { id, unit } = ownMetrics.skipped
  for (const metric of skipped) measurements.push({ id, unit, value: 1, labels: { metric: metric.id } })
}
