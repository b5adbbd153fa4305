import type { ClientBase } from 'pg'
import { announceChanges } from '../../operations/announceChanges.ts'
import { createCacheOutbox } from '../../operations/createCacheOutbox.ts'
import { parseTagTemplate } from '../../operations/tagTemplate.ts'
import { qualified } from '../../postgres/identifiers.ts'
import { median } from '../bench.ts'

/** What one write of a row costs with its commit, in milliseconds, on a table without triggers and on one that announces. */
export interface TriggerCost {
  insert: { before: number; after: number }
  update: { before: number; after: number }
}

const plain = { schema: 'public', name: 'plain' }
const announced = { schema: 'public', name: 'announced' }
const tags = ['professional:{id}', 'city:{city_id}', 'professionals'].map(parseTagTemplate)
const rows = 10_000

/**
 * Makes two equal tables in an empty database, of which one announces its changes, and writes to both in turn: single rows,
 * each in a transaction of its own. The server's `fsync` decides how much a commit costs beside: turn it on.
 */
export async function measureTriggerCost(
  client: ClientBase,
  { rounds, perRound = 20 }: { rounds: number; perRound?: number },
): Promise<TriggerCost> {
  for (const table of [plain, announced]) {
    await client.query(`CREATE TABLE ${qualified(table)} (id bigint PRIMARY KEY, city_id integer, name text);
      CREATE INDEX ON ${qualified(table)} (city_id)`)
    await client.query(
      `INSERT INTO ${qualified(table)} SELECT n, n % 50, 'somebody' FROM generate_series(1, ${rows}) n`,
    )
    await client.query(`ANALYZE ${qualified(table)}`)
  }
  const operations = [
    createCacheOutbox(),
    announceChanges({ table: announced, tags, descendants: [], hasDates: false }),
  ]
  for (const { up } of operations) for (const statement of up) await client.query(statement)

  const times = { insert: { before: [], after: [] }, update: { before: [], after: [] } } as Record<
    'insert' | 'update',
    Record<'before' | 'after', number[]>
  >
  let next = rows
  for (let round = 0; round < rounds; round += 1) {
    for (const [side, table] of [['before', plain] as const, ['after', announced] as const]) {
      const name = qualified(table)
      const began = performance.now()
      for (let at = 0; at < perRound; at += 1) {
        await client.query({
          ...{ name: `insert ${side}`, text: `INSERT INTO ${name} VALUES ($1, $2, 'somebody')` },
          values: [(next += 1), at],
        })
      }
      const between = performance.now()
      for (let at = 0; at < perRound; at += 1) {
        await client.query({
          ...{ name: `update ${side}`, text: `UPDATE ${name} SET name = $2 WHERE id = $1` },
          values: [1 + ((round * 37 + at * 101) % rows), `somebody ${round}`],
        })
      }
      times.insert[side].push((between - began) / perRound)
      times.update[side].push((performance.now() - between) / perRound)
    }
  }
  const both = ({ before, after }: Record<'before' | 'after', number[]>) => ({
    before: median(before),
    after: median(after),
  })
  return { insert: both(times.insert), update: both(times.update) }
}
