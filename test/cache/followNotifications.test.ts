import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { followNotifications } from '../../src/cache/followNotifications.ts'
import { MemoryStore } from '../../src/cache/memoryStore.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase, urlOf } from '../support/database.ts'

let database: TestDatabase
let client: Client
const ends: AbortController[] = []
const entry = { value: '1', tags: ['a', 'b'], freshMs: 60_000, keepMs: 60_000 }

beforeAll(async () => {
  database = await createDatabase()
  client = await database.connect()
})
afterAll(() => database.drop())

let store: MemoryStore
let outages: (string | undefined)[]

beforeEach(async () => {
  for (const end of ends.splice(0)) end.abort()
  store = new MemoryStore({ boundMs: 1_000 })
  outages = []
  const end = new AbortController()
  ends.push(end)
  void followNotifications(database.url, store, {
    everyMs: 50,
    signal: end.signal,
    onOutage: (error) => outages.push(error?.message),
  })
  await until(isConfirmed)
  expect(await store.put('key', entry, (await store.lookup('key', [])).start)).toBe(true)
})
afterAll(() => {
  for (const end of ends) end.abort()
})

const isConfirmed = async () => (await store.lookup('key', [])).isConfirmed
const isThere = async () => (await store.lookup('key', [])).found !== undefined

async function until(holds: () => Promise<boolean>): Promise<void> {
  const started = Date.now()
  while (!(await holds())) {
    if (Date.now() - started > 10_000) throw new Error('it does not come true')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const announce = (payload: string) => client.query(`SELECT pg_notify('hundredfold_cache', $1)`, [payload])

it('drops what is announced, and nothing else', async () => {
  await announce('["c","d"]')
  await client.query('BEGIN')
  await announce('["a"]')
  await client.query('ROLLBACK')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(await isThere()).toBe(true)
  await announce('["c","b"]')
  await until(async () => !(await isThere()))
})

it.each(['more', '', '[1]', '{"a":1}'])('drops everything where the announcement is %j', async (payload) => {
  await announce(payload)
  await until(async () => !(await isThere()))
})

it('drops everything when its session was lost, is not confirmed meanwhile, and says so once', async () => {
  const elsewhere = await database.connect(urlOf('postgres'))
  await elsewhere.query(`ALTER DATABASE ${database.name} ALLOW_CONNECTIONS false`)
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hundredfold cache'`,
  )
  await until(async () => outages.length > 0)
  await until(async () => !(await isConfirmed()))
  expect(await isThere()).toBe(true)
  await elsewhere.query(`ALTER DATABASE ${database.name} ALLOW_CONNECTIONS true`)
  await until(isConfirmed)
  expect(await isThere()).toBe(false)
  expect(outages).toEqual([expect.any(String), undefined])
})
