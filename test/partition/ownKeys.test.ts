import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { runDown, runUp } from '../migrate/run.ts'
import { engineIsMissing } from '../support/engines.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { versions } from '../support/versions.ts'
import { writeSeries } from './writeSeries.ts'

const scene = `
  CREATE SCHEMA shop;
  CREATE TABLE shop.tree (
    id integer PRIMARY KEY, at date NOT NULL,
    parent integer CONSTRAINT of_parent REFERENCES shop.tree ON DELETE CASCADE,
    twin integer CONSTRAINT of_twin REFERENCES shop.tree ON DELETE SET NULL);
  CREATE INDEX ON shop.tree (parent);
  INSERT INTO shop.tree SELECT n, current_date - n % 100, nullif(n / 2, 0), nullif(n - 1, 0) FROM generate_series(1, 200) n`

describe.each(versions)('PostgreSQL $version', ({ version, engine }) => {
  describe.skipIf(engine !== undefined && engineIsMissing(engine))('', () => {
    let server: Server
    let superuser: Client
    let keeper: Client

    beforeAll(async () => {
      server = await startEmbedded({ version })
      superuser = await connect(server.url())
      await superuser.query('CREATE ROLE keeper LOGIN')
      await superuser.query('CREATE DATABASE own OWNER keeper')
      await superuser.end()
      superuser = await connect(server.url('own'))
      keeper = await connect(server.url('own'))
      await keeper.query('SET SESSION AUTHORIZATION keeper')
      await keeper.query(scene)
    })
    afterAll(async () => {
      await keeper.end()
      await superuser.end()
      await server.stop()
    })

    test('old partitions of such a table are not dropped by a procedure', async () => {
      const plan = await planPartitions(keeper, {
        ...{
          table: { schema: 'shop', name: 'tree' },
          key: 'at',
          every: 'month',
          ahead: 2,
          retention: '1 year',
        },
        accept: ['of_parent', 'of_twin', 'tree_pkey', 'shop.tree.at'],
      })
      expect(plan.refused.map(({ name }) => name)).toEqual(['of_parent', 'of_twin'])
    })

    test('they hold after each migration, up and down, with rows in old and new partitions', async () => {
      const request = {
        table: { schema: 'shop', name: 'tree' },
        key: 'at',
        every: 'month' as const,
        ahead: 2,
      }
      const accept = ['of_parent', 'of_twin', 'tree_pkey', 'shop.tree.at']
      const plan = await planPartitions(keeper, { ...request, accept })
      expect(plan.refused).toEqual([])
      const before = await readFingerprint(superuser)
      await using files = await migrationDirectory({})
      await writeSeries(files.path, plan.operations)
      for (const { title } of plan.operations) {
        expect((await runUp(keeper, files.path, { count: 1 })).failure?.message).toBeUndefined()
        expect({ title, ...(await tryKeys(keeper)) }).toEqual({ title, ...asWanted })
      }
      await addRows(keeper)
      await moveStrayRows(keeper)
      for (const { title } of plan.operations) {
        expect((await runDown(keeper, files.path, { count: 1 })).failure?.message).toBeUndefined()
        expect({ title, ...(await tryKeys(keeper)) }).toEqual({ title, ...asWanted })
      }
      expect((await readFingerprint(superuser)).text).toBe(before.text)
    })
  })
})

const asWanted = {
  missing: '23503',
  unknownTwin: '23503',
  itself: 1,
  left: 0,
  twins: 0,
  dangling: 0,
}

/** What the keys refuse and do, in a transaction that is rolled back. */
async function tryKeys(client: Client): Promise<Record<string, unknown>> {
  const count = async (sql: string): Promise<unknown> =>
    (await client.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${sql}`)).rows[0]?.count
  const refusal = async (sql: string): Promise<unknown> => {
    await client.query('SAVEPOINT here')
    const answer = await client.query(sql).then(
      () => 'done',
      (error: { code?: string }) => error.code,
    )
    await client.query('ROLLBACK TO here')
    return answer
  }
  await client.query('BEGIN')
  const missing = await refusal(`INSERT INTO shop.tree VALUES (9001, current_date, 9000)`)
  const unknownTwin = await refusal('UPDATE shop.tree SET twin = 9000 WHERE id = 3')
  await client.query(`INSERT INTO shop.tree (id, at, parent, twin) VALUES (9002, current_date, 9002, 4)`)
  const itself = await count('shop.tree WHERE parent = 9002')
  await client.query(`
    CREATE TEMP TABLE doomed ON COMMIT DROP AS WITH RECURSIVE below AS (
      SELECT id FROM shop.tree WHERE id = 4 UNION SELECT tree.id FROM shop.tree JOIN below ON parent = below.id)
    SELECT id FROM below`)
  await client.query('DELETE FROM shop.tree WHERE id = 4')
  const left = await count('shop.tree JOIN doomed USING (id)')
  const twins = await count('shop.tree WHERE twin IN (SELECT id FROM doomed)')
  const dangling = await count(
    'shop.tree WHERE parent IS NOT NULL AND NOT EXISTS (SELECT FROM shop.tree other WHERE other.id = tree.parent)',
  )
  await client.query('ROLLBACK')
  return { missing, unknownTwin, itself, left, twins, dangling }
}

/** New rows in new partitions and in the default one, that point to old ones, and the other way round. */
async function addRows(client: Client): Promise<void> {
  await client.query(`
    INSERT INTO shop.tree (id, at, parent, twin)
    SELECT 200 + n, current_date + n * 5, 4 + n % 30, 200 + nullif(n - 1, 0) FROM generate_series(1, 80) n;
    UPDATE shop.tree SET parent = 260 WHERE id = 101;
    UPDATE shop.tree SET twin = 275 WHERE id = 50`)
}

async function moveStrayRows(client: Client): Promise<void> {
  const rows = 'SELECT id, at, parent, twin FROM shop.tree ORDER BY id'
  const before = (await client.query(rows)).rows
  const made = await client.query('SELECT private.add_partitions_of_tree(16) AS name')
  expect(made.rows.length).toBeGreaterThan(5)
  expect((await client.query('SELECT FROM ONLY shop.tree_default')).rowCount).toBe(0)
  expect(await tryKeys(client)).toEqual(asWanted)
  await client.query('SELECT private.add_partitions_of_tree(16)')
  expect((await client.query(rows)).rows).toEqual(before)
  const keys = await client.query(
    `SELECT conrelid::regclass::text AS of, convalidated AS valid FROM pg_constraint
     WHERE contype = 'f' AND conparentid = 0 AND confrelid = 'shop.tree'::regclass ORDER BY conname`,
  )
  expect(keys.rows).toEqual([
    { of: 'shop.tree', valid: true },
    { of: 'shop.tree', valid: true },
  ])
  expect(await tryKeys(client)).toEqual(asWanted)
}
