import type { ClientBase } from 'pg'
import type { BatchWalk } from '../batched.ts'
import { walksPages } from '../batched.ts'
import type { KeyOrder, KeyValues } from './keyRange.ts'
import { between, countRows, findBound, findCuts, findLastKey } from './keyRange.ts'
import { pageOrder } from './pageRange.ts'
import { findWalkedKey } from './walkedKey.ts'

/** A part of a walk: above one place, and up to another. */
export interface Range {
  after?: KeyValues | undefined
  upTo?: KeyValues | undefined
}

/** Where a batch ends. */
export interface Bound {
  key: KeyValues
  /** It is where the walk ends, or beyond. */
  isLast: boolean
  rows: number
  /** For how many rows it counts when the next batch is sized: pages without rows are work too. */
  size: number
}

/** In which order the rows of a table are walked: by a unique key, or page by page. */
export interface WalkOrder {
  walk: BatchWalk
  /** `SET LOCAL lock_timeout = ...; SET LOCAL statement_timeout = ...` */
  limits: string
  /** The columns of the key in the order of an index on it. */
  names: string[]
  /** The condition of one batch. */
  between(after: KeyValues | undefined, upTo: KeyValues | undefined): string
  /** The last place in the table; undefined if the table is empty. */
  findLast(client: ClientBase): Promise<KeyValues | undefined>
  /** The place that about `size` rows above `after` lead to; undefined if fewer are left. */
  findBound(
    client: ClientBase,
    of: { after?: KeyValues | undefined; until: KeyValues; size: number },
  ): Promise<Bound | undefined>
  countRows(client: ClientBase, range: Range): Promise<number>
  /** Places that cut the table into parts of about the same size: one fewer than parts. */
  findCuts(client: ClientBase, of: { parts: number; rows: number }): Promise<KeyValues[]>
  /** Whether places are still those of the walk that ends at `until`. */
  isStill(client: ClientBase, until: KeyValues): Promise<boolean>
}

/**
 * The order in which a table is walked.
 *
 * @param known the columns of the key in the order in which a walk has begun
 * @throws UsageError where there is no such order
 */
export async function findOrder(
  client: ClientBase,
  walk: BatchWalk,
  { limits, known }: { limits: string; known?: string[] | undefined },
): Promise<WalkOrder> {
  const columns = await findWalkedKey(client, walk)
  if (walksPages(walk)) return pageOrder(walk, limits)
  const inOrder = known?.flatMap((column) => columns.filter(({ name }) => name === column)) ?? columns
  return keyOrder({ walk, columns: inOrder, limits })
}

function keyOrder(order: KeyOrder): WalkOrder {
  return {
    walk: order.walk,
    limits: order.limits,
    names: order.columns.map(({ name }) => name),
    between: (after, upTo) => between(order, after, upTo),
    findLast: (client) => findLastKey(client, order),
    findBound: async (client, of) => {
      const bound = await findBound(client, order, of)
      return bound && { ...bound, rows: of.size, size: of.size }
    },
    countRows: (client, range) => countRows(client, order, range),
    findCuts: (client, of) => findCuts(client, order, of),
    isStill: () => Promise.resolve(true),
  }
}
