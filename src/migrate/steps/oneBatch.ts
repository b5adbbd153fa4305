import type { ClientBase } from 'pg'
import { HundredfoldError, exitCodes } from '../../errors.ts'
import { display } from '../../postgres/identifiers.ts'
import type { BatchTemplate } from '../batched.ts'
import type { BatchTime } from '../pace/batchSize.ts'
import { largestBatch } from '../pace/batchSize.ts'
import type { KeyValues } from './keyRange.ts'
import type { WalkOrder } from './walkOrder.ts'

/** What is left of a walk, or of one part of it. */
export interface Stretch {
  /** The key of the last row that is done; absent before the first batch. */
  after?: KeyValues | undefined
  /** The key at which it ends. */
  until: KeyValues
  /** Rows beyond the end belong to it too: they were added meanwhile. */
  isOpen: boolean
}

/** What a batch came to. */
export interface BatchDone extends BatchTime {
  after?: KeyValues | undefined
  isLast: boolean
  /** With the queries that looked for its end. */
  activeMs: number
  /** By which the next batch is sized. */
  sized: BatchTime
}

export interface BatchRun {
  client: ClientBase
  template: BatchTemplate
  order: WalkOrder
  stretch: Stretch
  size: number
  /** Writes into the ledger how far it came, in the batch's own transaction. */
  record(done: Pick<BatchDone, 'rows' | 'after' | 'isLast'>): Promise<void>
}

/**
 * Runs one batch. The last one of an open stretch has no upper end, so that it also has what was added meanwhile; with very
 * many of such rows it has, since these are not the walk's business and would be too many for one transaction.
 */
export async function runBatch(run: BatchRun): Promise<BatchDone> {
  const { client, order, size, stretch } = run
  const { after, until } = stretch
  const began = performance.now()
  const bound = until.length > 0 ? await order.findBound(client, { after, until, size }) : undefined
  const isLast = bound?.isLast ?? true
  if (isLast && !stretch.isOpen) {
    const rows = await order.countRows(client, { after, upTo: until })
    return commitBatch(run, { upTo: until, rows, size: rows, after: until, isLast, began })
  }
  const hasNoEnd =
    !bound || (isLast && !(await order.findBound(client, { after: bound.key, until, size: largestBatch })))
  const rows = hasNoEnd ? await order.countRows(client, { after }) : bound.rows
  const upTo = hasNoEnd ? undefined : bound.key
  return commitBatch(run, { upTo, rows, size: bound?.size ?? rows, after: bound?.key, isLast, began })
}

async function commitBatch(
  { client, template, order, stretch, record }: BatchRun,
  batch: {
    upTo: KeyValues | undefined
    rows: number
    size: number
    after: KeyValues | undefined
    isLast: boolean
    began: number
  },
): Promise<BatchDone> {
  const { upTo, rows, size, isLast, began } = batch
  const after = batch.after ?? stretch.after
  const started = performance.now()
  await client.query(`BEGIN; ${order.limits}`)
  try {
    await client.query(template.where(order.between(stretch.after, upTo)))
    // Now that the statement holds a lock, nobody can rewrite the table.
    if (!(await order.isStill(client, stretch.until))) throw rewritten(order)
    await record({ rows, after, isLast })
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
  const ended = performance.now()
  const ms = ended - started
  return { rows, ms, activeMs: ended - began, sized: { rows: size, ms }, after, isLast }
}

function rewritten({ walk }: WalkOrder): HundredfoldError {
  return new HundredfoldError(
    exitCodes.unexpected,
    `${display(walk.table)} was rewritten (VACUUM FULL, CLUSTER) while its rows were walked page by page.`,
    'Start again: the walk begins from the first page.',
  )
}
