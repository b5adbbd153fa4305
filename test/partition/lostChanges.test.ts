import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { planPartitions } from '../../src/partition/plan.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { seededRandom } from '../support/seededRandom.ts'
import { shop, shopRequest } from './shop.ts'
import { writeSeries } from './writeSeries.ts'

const sessions = 5
const changes = 10_000

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

/** What one session has committed: its orders, as text, and the items of each. */
interface Account {
  orders: Map<number, string>
  items: Map<number, number>
}

interface Load {
  done: number
  errors: string[]
  /** Keys may lie where only new partitions have rows. */
  isPartitioned: boolean
  isOver: boolean
}

test('of 10,000 changes while the series goes up and down none is lost, none doubled, and none fails', async () => {
  const owner = await database.connect(database.ownerUrl)
  await owner.query(shop)
  const plan = await planPartitions(owner, shopRequest)
  await using files = await migrationDirectory()
  await writeSeries(files.path, plan.operations)
  const before = await readAccount(owner)
  const load: Load = { done: 0, errors: [], isPartitioned: false, isOver: false }
  const until = async (done: number) => {
    while (load.done < done && load.errors.length === 0)
      await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const working = Array.from({ length: sessions }, async (_, number) =>
    change(await database.connect(database.ownerUrl), number, load),
  )
  try {
    await until(500)
    expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
    load.isPartitioned = true
    await until(load.done + 2_000)
    await owner.query(`INSERT INTO shop.orders (ordered_at, person, cents)
      SELECT now() + n * interval '12 hours', 1 + n % 50, n FROM generate_series(1, 500) n`)
    const during = load.done
    expect((await runDown(owner, files.path)).failure?.message).toBeUndefined()
    expect(load.done).toBeGreaterThan(during)
    await until(changes)
  } finally {
    load.isOver = true
  }
  const accounts = await Promise.all(working)
  expect(load.errors).toEqual([])
  expect(load.done).toBeGreaterThanOrEqual(changes)
  const after = await readAccount(owner)
  const expected = accounts.flatMap(({ orders }) => [...orders]).toSorted(([one], [other]) => one - other)
  expect([...after.orders].filter(([id]) => id >= firstId)).toEqual(expected)
  const old = [...after.orders].filter(([id]) => id < firstId)
  expect(old.slice(0, before.orders.size)).toEqual([...before.orders])
  expect(old).toHaveLength(before.orders.size + 500)
  const items = accounts.flatMap((account) => [...account.items]).toSorted(([one], [other]) => one - other)
  expect([...after.items]).toEqual([...before.items, ...items])
})

/** Below it are the rows of the scene, and those that get their number from the identity. */
const firstId = 1_000_000

async function readAccount(client: Client): Promise<Account> {
  const orders = await client.query<{ id: number; row: string }>(
    `SELECT id::float8 AS id, ${text} AS row FROM shop.orders ORDER BY shop.orders.id`,
  )
  const items = await client.query<{ id: number; order: number }>(
    `SELECT id::float8 AS id, order_id::float8 AS order FROM shop.items ORDER BY shop.items.id`,
  )
  return {
    orders: new Map(orders.rows.map(({ id, row }) => [id, row])),
    items: new Map(items.rows.map(({ id, order }) => [id, order])),
  }
}

const text = `concat_ws(' ', ordered_at, person, cents)`

/** Random changes, one after the other, each of rows that only this session changes. */
async function change(client: Client, number: number, load: Load): Promise<Account> {
  const random = seededRandom(number + 1)
  const upTo = (count: number) => Math.floor(random.next() * count)
  const account: Account = { orders: new Map(), items: new Map() }
  const moment = () => `now() + interval '${upTo(load.isPartitioned ? 300 : 120) - 100} days'`
  for (let next = firstId + number; !load.isOver;) {
    const id = random.pick([...account.orders.keys()])
    const kind = id === undefined ? 0 : upTo(10)
    try {
      if (kind < 4 || id === undefined) {
        const item = kind % 2 === 0
        const { rows } = await client.query<{ row: string }>(
          `INSERT INTO shop.orders (id, ordered_at, person, cents) VALUES (${next}, ${moment()}, ${1 + upTo(50)}, ${1 + upTo(1000)})
           RETURNING ${text} AS row`,
        )
        account.orders.set(next, rows[0]?.row ?? '')
        load.done += 1
        if (item) {
          await client.query(`INSERT INTO shop.items (id, order_id) VALUES (${next}, ${next})`)
          account.items.set(next, next)
        }
        next += sessions
      } else if (kind < 8) {
        const set = kind < 6 ? `ordered_at = ${moment()}` : `cents = ${1 + upTo(1000)}`
        const { rows } = await client.query<{ row: string }>(
          `UPDATE shop.orders SET ${set} WHERE id = ${id} RETURNING ${text} AS row`,
        )
        if (rows.length !== 1) load.errors.push(`${rows.length} rows were updated instead of one`)
        account.orders.set(id, rows[0]?.row ?? '')
        load.done += 1
      } else {
        const { rowCount } = await client.query(`DELETE FROM shop.orders WHERE id = ${id}`)
        if (rowCount !== 1) load.errors.push(`${rowCount} rows were deleted instead of one`)
        account.orders.delete(id)
        account.items.delete(id)
        load.done += 1
      }
    } catch (error) {
      load.errors.push(String(error))
    }
    await new Promise((resolve) => setTimeout(resolve, upTo(4)))
  }
  return account
}
