import type { BlockHits } from '../../../catalog/blockHits.ts'
import { sumBlockHits } from '../../../catalog/blockHits.ts'
import type { DatabaseAge } from '../../../catalog/databaseAges.ts'
import { listDatabaseAges } from '../../../catalog/databaseAges.ts'
import { sumDeadRows } from '../../../catalog/deadRows.ts'
import { findMostUsedSequences } from '../../../catalog/sequences.ts'
import { listUserSchemas } from '../../../catalog/userSchemas.ts'
import { hitPercent, judgeCacheHits } from '../../../metrics/cacheHits.ts'
import { deadPercent } from '../../../metrics/deadTuples.ts'
import { tableMetrics as metrics } from '../../../metrics/definitions/tables.ts'
import { usedPart } from '../../../metrics/sequenceUse.ts'
import { wraparoundUsage } from '../../../metrics/wraparound.ts'
import { display } from '../../../postgres/identifiers.ts'
import type { MetricReader, Reading } from '../reader.ts'
import { labelsOf, measure, measureOr, together } from '../reader.ts'

const sequencesShown = 5

/** The reader remembers what it saw in the round before. */
function cacheReader(): MetricReader {
  let last: { hits: BlockHits; resetAt: number } | undefined
  return {
    metrics: [metrics.cacheHitRatio, metrics.recentCacheHitRatio],
    async read(context) {
      const { server, read, db } = context
      const hits = await sumBlockHits(db, await read(listUserSchemas))
      const now = { hits, resetAt: server.countersSince.getTime() }
      const { percent, met, note } = judgeCacheHits(hits)
      const labels = labelsOf(context)
      const recent = since(last, now)
      last = now
      return together(
        measureOr(metrics.cacheHitRatio, percent, labels, note),
        { measurements: [], verdicts: [{ id: metrics.cacheHitRatio.id, met, note }] },
        typeof recent === 'string'
          ? { measurements: [], skipped: [{ id: metrics.recentCacheHitRatio.id, reason: recent }] }
          : measureOr(
              metrics.recentCacheHitRatio,
              hitPercent(recent),
              labels,
              'nothing was read since the round before',
            ),
      )
    },
  }
}

type Look = { hits: BlockHits; resetAt: number }

/** What was counted between two rounds, or why that is unknown. */
function since(last: Look | undefined, now: Look): Omit<BlockHits, 'storedBlocks'> | string {
  if (!last) return 'this is the first round'
  const blocksHit = now.hits.blocksHit - last.hits.blocksHit
  const blocksRead = now.hits.blocksRead - last.hits.blocksRead
  // A table that was dropped takes its counters along.
  if (now.resetAt !== last.resetAt || blocksHit < 0 || blocksRead < 0)
    return 'counters were reset since the round before'
  return { blocksHit, blocksRead }
}

export const deadTuplesReader: MetricReader = {
  metrics: [metrics.deadTuples],
  async read(context) {
    const percent = deadPercent(await sumDeadRows(context.db, await context.read(listUserSchemas)))
    return measureOr(
      metrics.deadTuples,
      percent,
      labelsOf(context),
      'the tables have no rows, as far as counters say',
    )
  },
}

export const sequencesReader: MetricReader = {
  metrics: [metrics.sequenceUsage],
  async read(context) {
    const schemas = await context.read(listUserSchemas)
    const { sequences: worst, hidden } = await findMostUsedSequences(context.db, schemas, sequencesShown)
    const labels = labelsOf(context)
    const measurements = worst.map((sequence) =>
      measure(metrics.sequenceUsage, 100 * usedPart(sequence), { ...labels, sequence: display(sequence) }),
    )
    if (hidden === 0) return { measurements }
    // The worst may be among those.
    const reason = `${hidden} sequences are locked or hidden from this role; SELECT on them shows how far they are`
    return { measurements: [], skipped: [{ id: metrics.sequenceUsage.id, reason }] }
  },
}

const wraparound: MetricReader = {
  metrics: [
    metrics.transactionIdAge,
    metrics.multixactAge,
    metrics.transactionIdUsage,
    metrics.multixactUsage,
  ],
  async read(context) {
    const ages = await context.read(listDatabaseAges)
    const usage = (age: (database: DatabaseAge) => number) => wraparoundUsage(ages, age) ?? 0
    const current = ages.filter(({ isCurrent }) => isCurrent)
    const labels = labelsOf(context)
    return {
      measurements: [
        ...current.map(({ xidAge }) => measure(metrics.transactionIdAge, xidAge, labels)),
        ...current.map(({ multixactAge }) => measure(metrics.multixactAge, multixactAge, labels)),
        measure(
          metrics.transactionIdUsage,
          usage(({ xidAge }) => xidAge),
        ),
        measure(
          metrics.multixactUsage,
          usage(({ multixactAge }) => multixactAge),
        ),
      ],
    } satisfies Reading
  },
}

/** Cache and transaction ids. */
export function tableReaders(): MetricReader[] {
  return [cacheReader(), wraparound]
}
