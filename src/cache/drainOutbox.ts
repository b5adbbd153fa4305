import type { Client } from 'pg'
import { everyTag } from '../catalog/cacheChannel.ts'
import { cacheOutbox } from '../catalog/cacheOutbox.ts'
import { qualified } from '../postgres/identifiers.ts'
import type { Invalidator } from './invalidator.ts'

/** What was taken from the outbox. */
export interface Drained {
  /** Rows, of which each is one statement. */
  changes: number
  tags: number
  /**
   * Everything that was committed when we began has been invalidated. False where another session holds rows: whether it has
   * invalidated them is known only when it commits.
   */
  isComplete: boolean
}

/** So many rows are held at once, and locked for other workers while the cache is told of them. */
const rowsAtOnce = 500
/** So many tags are told to the cache in one call. */
const tagsAtOnce = 1_000

const outbox = qualified(cacheOutbox)

/**
 * Invalidates what is in the outbox and removes it, in transactions of a few hundred rows: a row is removed only after the
 * cache has been told. Several workers may do so at once; each leaves alone what another one holds.
 *
 * A transaction that is cut off after the cache was told leaves its rows, so their tags are invalidated once more.
 *
 * ```sql
 * BEGIN; SELECT id, tags FROM hundredfold_cache.outbox WHERE id <= $1 ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED;
 * DELETE FROM hundredfold_cache.outbox WHERE id = ANY ($1); COMMIT
 * ```
 */
export async function drainOutbox(
  client: Client,
  invalidator: Pick<Invalidator, 'invalidate'>,
): Promise<Drained> {
  // Whatever is committed is visible here, so its number is not greater. A row of a transaction that commits later may have
  // a smaller number too: it is taken if it is seen, and else left to the next call.
  const { rows } = await client.query<{ last: string | null }>(`SELECT max(id)::text AS last FROM ${outbox}`)
  const last = rows[0]?.last ?? null
  const drained: Drained = { changes: 0, tags: 0, isComplete: true }
  if (last === null) return drained
  for (;;) {
    const { changes, tags } = await takeBatch(client, invalidator, last)
    drained.changes += changes
    drained.tags += tags
    if (changes < rowsAtOnce) break
  }
  const left = await client.query(`SELECT FROM ${outbox} WHERE id <= $1 LIMIT 1`, [last])
  return { ...drained, isComplete: left.rowCount === 0 }
}

async function takeBatch(
  client: Client,
  invalidator: Pick<Invalidator, 'invalidate'>,
  last: string,
): Promise<{ changes: number; tags: number }> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE')
  const { rows } = await client.query<{ id: string; tags: string[] }>(
    `SELECT id::text AS id, tags FROM ${outbox} WHERE id <= $1 ORDER BY id LIMIT ${rowsAtOnce} FOR UPDATE SKIP LOCKED`,
    [last],
  )
  const tags = [...new Set(rows.flatMap((row) => row.tags))]
  const told = tags.includes(everyTag) ? [everyTag] : tags
  for (let at = 0; at < told.length; at += tagsAtOnce) {
    await invalidator.invalidate(told.slice(at, at + tagsAtOnce))
  }
  if (rows.length > 0) {
    await client.query(`DELETE FROM ${outbox} WHERE id = ANY ($1::bigint[])`, [rows.map(({ id }) => id)])
  }
  await client.query('COMMIT')
  return { changes: rows.length, tags: tags.length }
}
