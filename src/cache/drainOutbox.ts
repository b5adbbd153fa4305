import type { Client } from 'pg'
import { cacheOutbox } from '../catalog/cacheOutbox.ts'
import { messageOf } from '../errors.ts'
import { everything } from '../operations/tagTemplate.ts'
import { qualified } from '../postgres/identifiers.ts'
import type { Invalidator } from './invalidator.ts'

/** What one round through the outbox did. */
export interface Drained {
  /** Rows that were taken, of which each is one statement. */
  changes: number
  tags: number
  /**
   * Everything that was committed when the round began has been invalidated. False where another worker holds rows of
   * which it has not said so by committing.
   */
  isComplete: boolean
  /** How long ago the round began, in milliseconds. */
  ageMs(): number
  /**
   * Says to the cache that everything which was committed before the round has been invalidated; only if it is complete.
   *
   * @throws InvalidatorError
   */
  confirm(): Promise<void>
}

/** The cache did not take what it was told: it could not be reached, refused, or did not answer in time. */
export class InvalidatorError extends Error {}

/** So many rows are held at once, and locked for other workers while the cache is told of them. */
const rowsAtOnce = 500
/** So many tags are told to the cache in one call. */
const tagsAtOnce = 1_000
/** Longer than that the cache may not take for a call: rows are locked meanwhile. */
const answersWithinMs = 5_000

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
export async function drainOutbox(client: Client, invalidator: Invalidator): Promise<Drained> {
  const began = performance.now()
  const ageMs = () => performance.now() - began
  const round = await ask('start of a round', () => invalidator.begin())
  const confirm = () => ask('confirmation', () => round.confirm())
  // A row of a transaction that commits later may have a smaller number: it is visible later, and left to the next round.
  const { rows } = await client.query<{ last: string | null }>(`SELECT max(id)::text AS last FROM ${outbox}`)
  const last = rows[0]?.last ?? null
  if (last === null) return { changes: 0, tags: 0, isComplete: true, ageMs, confirm }
  let changes = 0
  let tags = 0
  for (;;) {
    const taken = await takeBatch(client, invalidator, last)
    changes += taken.changes
    tags += taken.tags
    if (taken.changes < rowsAtOnce) break
  }
  const left = await client.query(`SELECT FROM ${outbox} WHERE id <= $1 LIMIT 1`, [last])
  return { changes, tags, isComplete: left.rowCount === 0, ageMs, confirm }
}

async function takeBatch(
  client: Client,
  invalidator: Invalidator,
  last: string,
): Promise<{ changes: number; tags: number }> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE')
  const { rows } = await client.query<{ id: string; tags: string[] }>(
    `SELECT id::text AS id, tags FROM ${outbox} WHERE id <= $1 ORDER BY id LIMIT ${rowsAtOnce} FOR UPDATE SKIP LOCKED`,
    [last],
  )
  const tags = [...new Set(rows.flatMap((row) => row.tags))]
  const told = tags.includes(everything) ? [everything] : tags
  for (let at = 0; at < told.length; at += tagsAtOnce) {
    await ask('invalidation', () => invalidator.invalidate(told.slice(at, at + tagsAtOnce)))
  }
  if (rows.length > 0) {
    await client.query(`DELETE FROM ${outbox} WHERE id = ANY ($1::bigint[])`, [rows.map(({ id }) => id)])
  }
  await client.query('COMMIT')
  return { changes: rows.length, tags: tags.length }
}

/** Calls the cache, for a limited time. */
async function ask<T>(what: string, call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${answersWithinMs / 1_000} s`)),
      answersWithinMs,
    )
  })
  try {
    return await Promise.race([call(), silence])
  } catch (error) {
    throw new InvalidatorError(`the cache did not take the ${what}: ${messageOf(error)}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
