import type { Client } from 'pg'
import { escapeLiteral } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { prove } from '../../src/migrate/prove.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { runDown, runUp } from '../migrate/run.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { versions } from '../support/versions.ts'
import { laterRegion, regionChecksums, regions, regionShop } from './regions.ts'
import { writeSeries } from './writeSeries.ts'

const request = {
  ...{ table: { schema: 'shop', name: 'orders' }, key: 'region', rewriteHistory: true },
  accept: ['orders_pkey', 'shop.orders.region', 'note'],
}
const ways = [
  { way: 'a list', by: 'list' as const, partitions: regions.length + 1 },
  { way: 'a hash', by: 'hash' as const, modulus: 4, partitions: 4 },
]
const text = escapeLiteral

describe.each(versions)('PostgreSQL $version', ({ version, engine }) => {
  describe.skipIf(engine !== undefined && engineIsMissing(engine))('', () => {
    let server: Server
    beforeAll(async () => {
      server = await startEmbedded({ version })
      const superuser = await connect(server.url())
      await superuser.query('CREATE ROLE keeper LOGIN; CREATE ROLE clerk; GRANT clerk TO keeper')
      await superuser.end()
    })
    afterAll(() => server.stop())

    describe.each(ways)('by $way', ({ way, partitions, ...split }) => {
      let files: MigrationDirectory
      let keeper: Client
      let superuser: Client
      let before: string

      beforeAll(async () => {
        const name = way.replace(' ', '_')
        const administrator = await connect(server.url())
        await administrator.query(`CREATE DATABASE ${name} OWNER keeper`)
        await administrator.end()
        superuser = await connect(server.url(name))
        keeper = await connect(server.url(name))
        await keeper.query('SET SESSION AUTHORIZATION keeper')
        await keeper.query(regionShop)
        before = await fingerprint()
        const { refused, operations } = await planPartitions(keeper, { ...request, ...split })
        expect(refused).toEqual([])
        files = await migrationDirectory({})
        await writeSeries(files.path, operations)
      })
      afterAll(async () => {
        await files[Symbol.asyncDispose]()
        await keeper.end()
        await superuser.end()
      })

      const fingerprint = async () => (await readFingerprint(superuser)).text
      const checksums = async (): Promise<unknown> => (await keeper.query(regionChecksums)).rows[0]
      const rowsOf = async <T>(sql: string): Promise<T[]> => (await keeper.query(sql)).rows as T[]
      const up = async (count?: number) => {
        const { failure, ran } = await runUp(keeper, files.path, count ? { count } : {})
        expect(failure?.message).toBeUndefined()
        return ran.length
      }
      const down = async (count?: number) =>
        expect((await runDown(keeper, files.path, count ? { count } : {})).failure?.message).toBeUndefined()
      const leaves = () =>
        rowsOf<{ leaf: string; rows: number }>(`
          SELECT leaf, (xpath('/row/count/text()', query_to_xml('SELECT count(*) FROM ' || leaf, false, true, '')))[1]::text::int AS rows
          FROM (SELECT inhrelid::regclass::text AS leaf FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass) own ORDER BY 1`)
      const readBy = async (region: string) => {
        const plan = await rowsOf<Record<string, unknown>>(
          `EXPLAIN (FORMAT JSON) SELECT cents FROM shop.orders WHERE region = ${text(region)}`,
        )
        return new Set(JSON.stringify(plan).match(/"Relation Name":"[^"\\]*(?:\\.[^"\\]*)*"/g)).size
      }

      /** New rows, one of a value that nobody has had, rows that get another value, and fewer rows. */
      async function change(): Promise<void> {
        await keeper.query(`
          INSERT INTO shop.orders (region, person, cents) SELECT region, person, cents FROM shop.orders ORDER BY id LIMIT 9;
          INSERT INTO shop.orders (region, person, cents) VALUES (${text(laterRegion)}, 1, 1);
          UPDATE shop.orders SET cents = cents + 1 WHERE id % 50 = 0;
          UPDATE shop.orders SET region = ${text(regions[2] ?? '')} WHERE id > 500 AND id % 61 = 0 AND region <> ${text(regions[2] ?? '')};
          UPDATE shop.orders SET region = 'north' WHERE id > 500 AND region <> 'north' AND id % 67 = 0;
          UPDATE shop.orders SET region = ${text(laterRegion)} WHERE id = (
            SELECT max(id) FROM shop.orders WHERE region <> ${text(laterRegion)});
          DELETE FROM shop.orders WHERE id = (SELECT min(id) FROM shop.orders WHERE id > 500);
          INSERT INTO shop.items (id, order_id)
            SELECT (SELECT max(id) FROM shop.items) + row_number() OVER (), id
            FROM (SELECT id FROM shop.orders WHERE id > 500 ORDER BY id LIMIT 5) own`)
        await keeper.query('DELETE FROM shop.items WHERE order_id > 500')
      }

      test('the series ends with the table: nothing has to be kept ahead', async () => {
        const titles = (await loadMigrations(files.path)).map(({ name }) => name.replace(/^\d+_/, ''))
        expect(titles).toEqual([
          'create-schema-private',
          'carry-region-to-items',
          'create-copy-of-orders',
          'copy-rows-of-orders',
          'index-copy-of-orders',
          'partition-orders-by-region',
          'validate-keys-to-orders',
        ])
      })

      // In a shadow, which is the same for every version.
      test.runIf(version === 18)('each migration is proven to be reversible', async () => {
        const { migrations } = await prove(await loadMigrations(files.path), superuser)
        expect(migrations.filter(({ reversible }) => !reversible)).toEqual([])
        expect(migrations).toHaveLength(7)
      })

      test('rows go where they belong, whatever changes between two migrations', async () => {
        for (let ran = 1; ran > 0; ran = await up(1)) await change()
        const found = await leaves()
        expect(found).toHaveLength(partitions)
        expect(found.filter(({ rows }) => rows === 0)).toEqual([])
        expect(
          await rowsOf(`SELECT count(*)::int AS lost FROM shop.orders WHERE NOT EXISTS (
            SELECT FROM shop.orders_before old WHERE old::text = orders::text)`),
        ).toEqual([{ lost: 0 }])
      })

      test('a statement with one value reads one partition', async () => {
        for (const region of [...regions, laterRegion])
          expect([region, await readBy(region)]).toEqual([region, 1])
      })

      test('clients see what they saw, and no partition by its own name', async () => {
        await superuser.query('SET ROLE clerk')
        const { rows } = await superuser.query('SELECT max(cents) AS dearest FROM shop.orders')
        expect(rows).toEqual([{ dearest: 999 }])
        for (const { leaf } of await leaves()) {
          await expect(superuser.query(`SELECT FROM ${leaf}`)).rejects.toMatchObject({ code: '42501' })
        }
        await expect(
          superuser.query(`INSERT INTO shop.orders (region, person, cents) VALUES ('north', 1, 1000)`),
        ).rejects.toMatchObject({ code: '42501' })
        await superuser.query('RESET ROLE')
        const listed = await rowsOf(`SELECT sum(orders)::int AS orders FROM shop.by_region`)
        expect(listed).toEqual(await rowsOf('SELECT count(*)::int AS orders FROM shop.orders'))
        expect(await rowsOf('SELECT tablename FROM pg_publication_tables')).toEqual([{ tablename: 'orders' }])
      })

      test('foreign keys to the table hold for every value', async () => {
        await expect(keeper.query('INSERT INTO shop.items VALUES (100001, 999999)')).rejects.toMatchObject({
          ...{ code: '23503', constraint: 'items_order_id_fkey' },
        })
        const one = await rowsOf<{ id: string }>(
          'SELECT DISTINCT ON (region) id FROM shop.orders ORDER BY region',
        )
        for (const [at, { id }] of one.entries()) {
          await keeper.query(`INSERT INTO shop.items VALUES (${200_000 + at}, ${id})`)
          await expect(keeper.query(`DELETE FROM shop.orders WHERE id = ${id}`)).rejects.toMatchObject({
            code: '23503',
          })
        }
        if (version >= 15) {
          await keeper.query(`UPDATE shop.orders SET region = 'North' WHERE id = ${one[0]?.id}`)
        }
        await keeper.query('DELETE FROM shop.items WHERE id >= 200000')
      })

      test('a row that gets another value moves, as a DELETE and an INSERT', async () => {
        const [row] = await rowsOf<{ id: string; region: string }>(`
          SELECT o.id, (SELECT p.region FROM shop.orders p WHERE p.tableoid <> o.tableoid LIMIT 1) AS region
          FROM shop.orders o WHERE id > 1000 ORDER BY id LIMIT 1`)
        const move = `UPDATE shop.orders SET region = ${text(row?.region ?? '')} WHERE id = ${row?.id}`
        await keeper.query(`TRUNCATE shop.log; BEGIN; ${move}`)
        expect(await rowsOf('SELECT what FROM shop.log')).toEqual([{ what: 'DELETE' }, { what: 'INSERT' }])
        const waits = superuser.query(`UPDATE shop.orders SET cents = 7 WHERE id = ${row?.id}`)
        const outcome = waits.catch(({ code }: { code: string }) => code)
        await untilWaiting(keeper)
        await keeper.query('COMMIT')
        expect(await outcome).toBe('40001')
        await expect(
          keeper.query(`INSERT INTO shop.orders OVERRIDING SYSTEM VALUE SELECT * FROM shop.orders WHERE id = ${row?.id}
            ON CONFLICT (id, region) DO UPDATE SET region = CASE WHEN EXCLUDED.region = 'north' THEN '日本' ELSE 'north' END`),
        ).rejects.toThrow(/invalid ON UPDATE specification/)
      })

      test('and the table is what it was, with every change, and partitioned again', async () => {
        await change()
        const rows = await checksums()
        const partitioned = await fingerprint()
        await down()
        expect(await fingerprint()).toBe(before)
        expect(await checksums()).toEqual(rows)
        await up()
        expect(await fingerprint()).toBe(partitioned)
        await change()
        const later = await checksums()
        const cleaning = await planPartitions(keeper, { ...request, ...split })
        expect(cleaning.operations.map(({ title }) => title)).toEqual(['drop-orders-before'])
        await writeSeries(files.path, cleaning.operations)
        await up()
        await down(1)
        expect(await fingerprint()).toBe(partitioned)
        await down()
        expect(await fingerprint()).toBe(before)
        expect(await checksums()).toEqual(later)
      })
    })
  })
})

/** Until some session waits for a lock. */
async function untilWaiting(client: Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query(`SELECT FROM pg_locks WHERE NOT granted`)
    if (rows.length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
