import type { ClientBase } from 'pg'
import { borrow } from '../../postgres/database.ts'
import { explain } from '../../postgres/explain.ts'
import { qualified } from '../../postgres/identifiers.ts'
import { relationsIn } from '../../syntax/relations.ts'
import type { Statement } from '../../syntax/statements.ts'
import type { BatchTemplate, BatchWalk } from '../batched.ts'
import { findBatchTemplate } from '../batched.ts'
import type { Reached } from '../ledger.ts'
import { allowReached, readReached, recordReached } from '../ledger.ts'
import { withinLockBudget } from '../lockBudget.ts'
import type { BatchTime } from '../pace/batchSize.ts'
import { firstBatchSize, nextBatchSize } from '../pace/batchSize.ts'
import { Pacer } from '../pace/pacer.ts'
import type { Pause } from '../pace/pause.ts'
import { Progress } from '../pace/progress.ts'
import { largestForRate } from '../pace/rowsPerSecond.ts'
import type { RunOptions } from '../runOptions.ts'
import { runBatch } from './oneBatch.ts'
import type { PartsRun } from './parallelBatches.ts'
import { cutIntoParts, runParts } from './parallelBatches.ts'
import type { Place, Step } from './step.ts'
import { findWalkedKey } from './walkedKey.ts'
import type { WalkOrder } from './walkOrder.ts'
import { findOrder } from './walkOrder.ts'

/**
 * A statement that runs in batches over a key. Each batch is a transaction, and writes into the ledger how far it came: a
 * kill leaves both or neither, so no row is done twice.
 *
 * @param earlier the statements before it in the migration
 */
export function batches(statement: Statement, earlier: Statement[]): Step | undefined {
  const template = findBatchTemplate(statement.sql)
  if (!template) return undefined
  return {
    sql: statement.sql,
    autocommit: false,
    isLasting: true,
    commitsInParts: true,
    async remember({ options: { client } }) {
      // Refused before anything has run, unless an earlier statement may make the key.
      if (!mayMakeKey(earlier, template.walk)) await findWalkedKey(client, template.walk)
      return []
    },
    run: (options, mark, place) => runBatches(template, options, mark, place),
  }
}

/** Statements that name the table, and those that may do anything. */
function mayMakeKey(statements: Statement[], { table }: BatchWalk): boolean {
  return statements.some(
    ({ node }) =>
      ['DoStmt', 'CallStmt', 'SelectStmt'].some((kind) => kind in node) ||
      relationsIn(node).some(({ name }) => name === table.name),
  )
}

async function runBatches(
  template: BatchTemplate,
  options: RunOptions,
  mark: () => Promise<void>,
  place: Place,
): Promise<void> {
  await allowReached(options.client)
  const { order, start } = await prepare(template.walk, options, place)
  const { table } = template.walk
  const { rowsInAll, parts } = start
  let rows = parts ? parts.reduce((sum, part) => sum + part.rows, 0) : start.rows
  const progress = new Progress(rowsInAll, { rows, atMs: performance.now() })
  const report = (pause?: Pause) => {
    const speed = progress.at({ rows, atMs: performance.now() })
    options.onEvent?.({ kind: 'batch', ...place, table, rows, rowsInAll, ...speed, ...(pause && { pause }) })
  }
  const onRows = (done: number) => {
    rows = done
    report()
  }
  // Each of several sessions keeps its share of the rate.
  const { maxRowsPerSecond: rate } = options
  const paced = { ...options, ...(rate && parts ? { maxRowsPerSecond: rate / parts.length } : {}) }
  const pacer = new Pacer(paced, report)
  await pacer.start(rowsInAll - rows)
  const walk = { template, order, place, pacer, onRows, reached: start }
  if (!parts) return runAlone({ ...walk, options: paced, mark })
  await runParts({ ...walk, options: paced })
  await inTransaction(options, async () => {
    await recordReached(options.client, place.name, null)
    await mark()
  })
}

/** One session walks the whole key; the last batch also marks the statement as done. */
async function runAlone(run: PartsRun & { mark: () => Promise<void> }): Promise<void> {
  const { options, template, order, place, pacer, mark } = run
  const { client, signal } = options
  const largest = largestForRate(options.maxRowsPerSecond)
  let { reached } = run
  let size = Math.min(firstBatchSize, largest)
  let before: BatchTime | undefined
  for (;;) {
    signal?.throwIfAborted()
    const { after, until } = reached
    const from = reached
    const done = await withinLockBudget(place.name, options, () =>
      runBatch({
        ...{ client, template, order, size, stretch: { after, until, isOpen: true } },
        record: async ({ rows, after: to, isLast }) => {
          reached = { ...from, rows: from.rows + rows, ...(to && { after: to }) }
          await recordReached(client, place.name, isLast ? null : reached)
          if (isLast) await mark()
        },
      }),
    )
    pacer.count(done.activeMs, 2)
    run.onRows(reached.rows)
    if (done.isLast) return
    await pacer.pauseAfter(done)
    const next = Math.min(nextBatchSize(done.sized, before, pacer.wantedMs), largest)
    if (next !== size) before = done.sized
    size = next
  }
}

async function inTransaction({ client }: RunOptions, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN')
  try {
    await work()
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** Where to begin, and in which order of the key; after a kill, both are as they were. */
async function prepare(
  walk: BatchWalk,
  options: RunOptions,
  { name, position }: Place,
): Promise<{ order: WalkOrder; start: Reached }> {
  const { client, lockTimeoutMs, buildTimeoutMs } = options
  const known = await readReached(client, name, position)
  const limits = `SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL statement_timeout = ${buildTimeoutMs}`
  const order = await findOrder(client, walk, { limits, known: known?.key })
  if (known && (await order.isStill(client, known.until))) return { order, start: known }
  const rowsInAll = await estimateRows(client, walk)
  const until = (await order.findLast(client)) ?? []
  const parts = await cutIntoParts(options, order, rowsInAll)
  const start = { position, key: order.names, until, rows: 0, rowsInAll }
  return { order, start: parts ? { ...start, parts } : start }
}

/** The planner's estimate, which knows the present size of the table and of its partitions. */
async function estimateRows(client: ClientBase, { table }: BatchWalk): Promise<number> {
  const { Plan } = await explain(borrow(client), `SELECT FROM ${qualified(table)}`)
  return Plan['Plan Rows']
}
