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
import { firstBatchSize, largestBatch, nextBatchSize } from '../pace/batchSize.ts'
import { Pacer } from '../pace/pacer.ts'
import type { Pause } from '../pace/pause.ts'
import { Progress } from '../pace/progress.ts'
import { largestForRate } from '../pace/rowsPerSecond.ts'
import type { RunOptions } from '../runOptions.ts'
import type { KeyOrder } from './keyRange.ts'
import { between, countAfter, findBound, findLastKey } from './keyRange.ts'
import type { Place, Step } from './step.ts'
import { findWalkedKey } from './walkedKey.ts'

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
  const { client, signal } = options
  await allowReached(client)
  const { order, start } = await prepare(template.walk, options, place)
  const { rowsInAll } = start
  const progress = new Progress(rowsInAll, { rows: start.rows, atMs: performance.now() })
  let reached = start
  const report = (pause?: Pause) => {
    const { rows } = reached
    const { table } = template.walk
    const speed = progress.at({ rows, atMs: performance.now() })
    options.onEvent?.({ kind: 'batch', ...place, table, rows, rowsInAll, ...speed, ...(pause && { pause }) })
  }
  const pacer = new Pacer(options, report)
  await pacer.start(rowsInAll - reached.rows)
  const largest = largestForRate(options.maxRowsPerSecond)
  let size = Math.min(firstBatchSize, largest)
  let before: BatchTime | undefined
  for (;;) {
    signal?.throwIfAborted()
    const from = reached
    const done = await withinLockBudget(place.name, options, () =>
      runBatch({ template, order, options, place, from, size, mark, pacer }),
    )
    reached = done.reached
    report()
    if (done.isLast) return
    await pacer.pauseAfter(done)
    const next = Math.min(nextBatchSize(done, before), largest)
    if (next !== size) before = done
    size = next
  }
}

/** Where to begin, and in which order of the key; after a kill, both are as they were. */
async function prepare(
  walk: BatchWalk,
  { client, lockTimeoutMs, buildTimeoutMs }: RunOptions,
  { name, position }: Place,
): Promise<{ order: KeyOrder; start: Reached }> {
  const known = await readReached(client, name, position)
  const columns = await findWalkedKey(client, walk)
  const inOrder = known?.key.flatMap((column) => columns.filter((each) => each.name === column)) ?? columns
  const limits = `SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL statement_timeout = ${buildTimeoutMs}`
  const order = { walk, columns: inOrder, limits }
  const start = known ?? {
    position,
    key: inOrder.map((column) => column.name),
    until: (await findLastKey(client, order)) ?? [],
    rows: 0,
    rowsInAll: await estimateRows(client, walk),
  }
  return { order, start }
}

/** The planner's estimate, which knows the present size of the table and of its partitions. */
async function estimateRows(client: ClientBase, { table }: BatchWalk): Promise<number> {
  const { Plan } = await explain(borrow(client), `SELECT FROM ${qualified(table)}`)
  return Plan['Plan Rows']
}

interface BatchRun {
  template: BatchTemplate
  order: KeyOrder
  options: RunOptions
  place: Place
  from: Reached
  size: number
  mark: () => Promise<void>
  pacer: Pacer
}

/**
 * Runs one batch. The last one has no upper end, so that it also has what was added meanwhile; with very many of such rows
 * it has, since these are not the walk's business and would be too many for one transaction.
 */
async function runBatch(run: BatchRun): Promise<BatchTime & { reached: Reached; isLast: boolean }> {
  const { order, from, size, pacer } = run
  const { client } = run.options
  const { after, until } = from
  const began = performance.now()
  const bound = until.length > 0 ? await findBound(client, order, { after, until, size }) : undefined
  const isLast = bound?.isLast ?? true
  const isOpen =
    !bound || (isLast && !(await findBound(client, order, { after: bound.key, until, size: largestBatch })))
  const rows = isOpen ? await countAfter(client, order, after) : size
  const reached = { ...from, rows: from.rows + rows, ...(bound ? { after: bound.key } : {}) }
  const started = performance.now()
  await commitBatch(run, between(order, after, isOpen ? undefined : bound.key), isLast ? null : reached)
  const ms = performance.now() - started
  pacer.count(performance.now() - began, 2)
  return { rows, ms, reached, isLast }
}

/** @param reached null with the last batch, whose transaction also marks the whole statement as done */
async function commitBatch(
  { template, order, options: { client }, place, mark }: BatchRun,
  condition: string,
  reached: Reached | null,
): Promise<void> {
  await client.query(`BEGIN; ${order.limits}`)
  try {
    await client.query(template.where(condition))
    await recordReached(client, place.name, reached)
    if (!reached) await mark()
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}
