import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeReaders } from '../../../src/operate/monitor/readers/index.ts'
import { takeRound } from '../../../src/operate/monitor/round.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

/** Times are noisy: what a round asks and touches is not. `npm run bench -- --only monitor_cost` has the times. */
let database: TestDatabase
let maker: Client
beforeAll(async () => {
  database = await createDatabase()
  maker = await database.connect()
  await maker.query('CREATE EXTENSION pg_stat_statements')
})
afterAll(() => database.drop())

test('a round asks the same few questions whatever the number of tables, and reads few blocks for each', async () => {
  await makeTables(0, 20)
  const few = await cost()
  await makeTables(20, 320)
  const many = await cost()
  expect(many.queries).toBe(few.queries)
  expect(many.queries).toBeLessThanOrEqual(36)
  // Of a table, its three indexes, its TOAST and its sequence, which a list of tables would look up one by one.
  const blocksOfTable = (many.blocks - few.blocks) / 300
  expect(blocksOfTable).toBeGreaterThan(0.1)
  expect(blocksOfTable).toBeLessThan(5)
}, 60_000)

async function makeTables(from: number, to: number): Promise<void> {
  for (let number = from; number < to; number += 1) {
    await maker.query(`
      CREATE TABLE t${number} (id bigserial PRIMARY KEY, a integer, b text);
      CREATE INDEX ON t${number} (a); CREATE INDEX ON t${number} (b);
      INSERT INTO t${number} (a) VALUES (1), (2)`)
  }
  await maker.query('VACUUM ANALYZE')
}

/** Of one round in a session that has taken some before. */
async function cost(): Promise<{ queries: number; blocks: number }> {
  const client = await database.connect()
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  let queries = 0
  client.query = ((...args: unknown[]) => {
    queries += 1
    return query(...args)
  }) as typeof client.query
  const readers = makeReaders({ url: database.url, reports: '/nonexistent' })
  // Far enough apart for what is read seldom to have its turn in each.
  let at = Date.now()
  const next = () => takeRound(client, readers, new Date((at += 600_000)))
  await next()
  await next()
  const before = await blocksTouched(client)
  const rounds = 6
  const asked: number[] = []
  for (let turn = 0; turn < rounds; turn += 1) {
    queries = 0
    await next()
    asked.push(queries)
  }
  const touched = (await blocksTouched(client)) - before
  await client.end()
  // A round in which a new statement turns up also asks for texts.
  return { queries: Math.min(...asked), blocks: touched / rounds }
}

/** What pg_stat_statements has counted of a session's statements in this database. */
async function blocksTouched(client: Client): Promise<number> {
  const { rows } = await client.query<{ blocks: number }>(
    `SELECT sum(shared_blks_hit + shared_blks_read)::float8 AS blocks FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query LIKE '%pg_catalog.%'`,
  )
  return rows[0]?.blocks ?? 0
}
