import type { ClientBase } from 'pg'
import { HundredfoldError, exitCodes } from '../../errors.ts'
import type { BatchTemplate } from '../batched.ts'
import type { Part, Reached } from '../ledger.ts'
import { recordPart, recordReached } from '../ledger.ts'
import { withinLockBudget } from '../lockBudget.ts'
import type { BatchTime } from '../pace/batchSize.ts'
import { firstBatchSize, nextBatchSize } from '../pace/batchSize.ts'
import type { Pacer } from '../pace/pacer.ts'
import { largestForRate } from '../pace/rowsPerSecond.ts'
import type { RunOptions } from '../runOptions.ts'
import { runBatch } from './oneBatch.ts'
import type { Place } from './step.ts'
import type { WalkOrder } from './walkOrder.ts'

/** For fewer rows a further session does not pay. */
const worthASession = 20_000

/** The parts of a walk, as many as sessions; undefined where one session is enough, or there can be no other. */
export async function cutIntoParts(
  { client, openSession }: RunOptions,
  order: WalkOrder,
  rows: number,
): Promise<Part[] | undefined> {
  const most = Math.min(order.walk.workers ?? 1, Math.floor(rows / worthASession))
  if (!openSession || most < 2) return undefined
  const cuts = await order.findCuts(client, { parts: most, rows })
  if (cuts.length < most - 1) return undefined
  const ends = [...cuts, undefined]
  return ends.map((upTo, at) => ({
    ...(at === 0 ? {} : { after: cuts[at - 1] }),
    ...(upTo === undefined ? {} : { upTo }),
    ...{ rows: 0, isDone: false },
  }))
}

export interface PartsRun {
  template: BatchTemplate
  order: WalkOrder
  options: RunOptions
  place: Place
  reached: Reached
  pacer: Pacer
  /** Told after each batch how many rows are done in all. */
  onRows(rows: number): void
}

/**
 * Walks the parts at once, each in a session of its own; one after the other where no further session can be opened. What
 * one of them fails with ends all of them.
 */
export async function runParts(run: PartsRun): Promise<void> {
  const { options, reached, place } = run
  const parts = reached.parts ?? []
  const common: Common = { rows: parts.map(({ rows }) => rows), hasFailed: false }
  await recordReached(options.client, place.name, reached)
  const walks: (() => Promise<void>)[] = parts.flatMap((part, at) =>
    part.isDone ? [] : [() => inSession(options, (client) => runPart(run, { part, at, client, common }))],
  )
  if (!options.openSession) {
    for (const walk of walks) await walk()
    return
  }
  const ends = await Promise.allSettled(walks.map((walk) => walk()))
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
}

async function inSession(
  { client, openSession }: RunOptions,
  work: (client: ClientBase) => Promise<void>,
): Promise<void> {
  if (!openSession) return work(client)
  const session = await openSession()
  try {
    await work(session)
  } finally {
    await session.end().catch(() => undefined)
  }
}

interface Common {
  rows: number[]
  hasFailed: boolean
}

async function runPart(
  run: PartsRun,
  { part, at, client, common }: { part: Part; at: number; client: ClientBase; common: Common },
): Promise<void> {
  const { template, order, place, reached, pacer } = run
  const options = { ...run.options, client }
  const largest = largestForRate(run.options.maxRowsPerSecond)
  let size = Math.min(firstBatchSize, largest)
  let before: BatchTime | undefined
  let from = part
  try {
    for (;;) {
      options.signal?.throwIfAborted()
      if (common.hasFailed) return
      const stretch = { after: from.after, until: from.upTo ?? reached.until, isOpen: !from.upTo }
      let to = from
      const done = await withinLockBudget(place.name, options, () =>
        runBatch({
          ...{ client, template, order, stretch, size },
          record: async ({ rows, after, isLast }) => {
            to = { ...from, ...(after && { after }), rows: from.rows + rows, isDone: isLast }
            if (!(await recordPart(client, place.name, at, { from, to }))) throw goneOn(place)
          },
        }),
      )
      from = to
      common.rows[at] = to.rows
      pacer.count(done.activeMs, 2)
      run.onRows(common.rows.reduce((sum, rows) => sum + rows, 0))
      if (done.isLast) return
      await pacer.pauseAfter(done, client)
      const next = Math.min(nextBatchSize(done.sized, before, pacer.wantedMs), largest)
      if (next !== size) before = done.sized
      size = next
    }
  } catch (error) {
    common.hasFailed = true
    throw error
  }
}

function goneOn({ name }: Place): HundredfoldError {
  return new HundredfoldError(
    exitCodes.unexpected,
    `Another run of ${name} has gone on with this statement meanwhile.`,
    'Wait for the other run, then start again.',
  )
}
