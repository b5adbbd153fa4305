import type { Client, Notification } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { planAnnouncements } from '../../src/cache/planAnnouncements.ts'
import { findCacheOutbox } from '../../src/catalog/cacheOutbox.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { parseTagTemplate } from '../../src/operations/tagTemplate.ts'
import { listPendingMigrations } from '../../src/optimize/pendingMigrations.ts'
import { connect } from '../../src/postgres/connect.ts'
import { borrow } from '../../src/postgres/database.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { runDown, runUp } from '../migrate/run.ts'
import { writeSeries } from '../partition/writeSeries.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { versions } from '../support/versions.ts'

const scene = `
  CREATE SCHEMA shop;
  CREATE COLLATION shop.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TABLE public.cities (id integer PRIMARY KEY);
  INSERT INTO public.cities SELECT generate_series(1, 9);
  CREATE TABLE public.professionals (
    id integer PRIMARY KEY, city_id integer REFERENCES public.cities ON DELETE CASCADE ON UPDATE CASCADE, name text);
  CREATE TABLE shop."Odd ""Notes" ("The ""Key" text COLLATE shop.blind, day date, note text);
  CREATE TABLE public.visits (id integer, at date NOT NULL) PARTITION BY RANGE (at);
  CREATE TABLE public.visits_old PARTITION OF public.visits FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
  CREATE TABLE public.visits_new PARTITION OF public.visits FOR VALUES FROM ('2020-01-01') TO ('2040-01-01')
    PARTITION BY RANGE (at);
  CREATE TABLE public.visits_now PARTITION OF public.visits_new FOR VALUES FROM ('2020-01-01') TO ('2040-01-01');`

const installed = [
  { table: ['public', 'professionals'], tags: ['professional:{id}', 'city:{city_id}', 'professionals'] },
  { table: ['shop', 'Odd "Notes'], tags: [`it's "\\odd" ü:{The "Key}`, 'on {day}/{The "Key}'] },
  { table: ['public', 'visits'], tags: ['visit:{id}'] },
]

/** A payload with its tags in the order of the alphabet; anything else as it is. */
function inOrder(payload: string): string {
  return payload.startsWith('[') ? JSON.stringify((JSON.parse(payload) as string[]).sort()) : payload
}

describe.each(versions)('PostgreSQL $version', ({ version, engine }) => {
  describe.skipIf(engine !== undefined && engineIsMissing(engine))('', () => {
    let server: Server
    let superuser: Client
    let keeper: Client
    let other: Client
    let listener: Client
    let files: MigrationDirectory
    let heard: string[] = []

    const session = async (role: string) => {
      const client = await connect(server.url('cached'))
      await client.query(`SET SESSION AUTHORIZATION ${role}`)
      return client
    }

    beforeAll(async () => {
      server = await startEmbedded({ version })
      superuser = await connect(server.url())
      await superuser.query('CREATE ROLE keeper LOGIN; CREATE ROLE guest LOGIN')
      await superuser.query('CREATE DATABASE cached OWNER keeper')
      await superuser.end()
      superuser = await connect(server.url('cached'))
      keeper = await session('keeper')
      await keeper.query(scene)
      files = await migrationDirectory({})
      for (const { table, tags } of installed) {
        const [schema = '', name = ''] = table
        const plan = await planAnnouncements(
          keeper,
          { schema, name },
          tags.map(parseTagTemplate),
          await listPendingMigrations(files.path, keeper),
        )
        await writeSeries(files.path, plan.operations)
      }
      const before = await readFingerprint(keeper)
      expect((await runUp(keeper, files.path)).failure?.message).toBeUndefined()
      expect((await readFingerprint(keeper)).text).toContain('hundredfold_cache_update')
      expect((await runDown(keeper, files.path)).failure?.message).toBeUndefined()
      expect((await readFingerprint(keeper)).text).toBe(before.text)
      expect((await keeper.query(`SELECT to_regnamespace('hundredfold_cache') AS left`)).rows).toEqual([
        { left: null },
      ])
      const again = await runUp(keeper, files.path)
      expect(again.failure?.message).toBeUndefined()
      expect(again.ran).toHaveLength(4)
      other = await session('keeper')
      listener = await session('guest')
      listener.on('notification', ({ payload }: Notification) => heard.push(payload ?? ''))
      await listener.query('LISTEN hundredfold_cache')
    })
    afterAll(async () => {
      for (const client of [keeper, other, listener, superuser]) await client.end()
      await files[Symbol.asyncDispose]()
      await server.stop()
    })
    beforeEach(async () => {
      await keeper.query(
        `TRUNCATE public.professionals, shop."Odd ""Notes", public.visits, hundredfold_cache.outbox`,
      )
      await keeper.query(
        `INSERT INTO public.professionals VALUES (1, 1, 'Ann'), (2, 2, 'Bob'), (3, NULL, 'Cy')`,
      )
      await told()
    })

    /** The tags of each statement since the last call, and what was announced meanwhile. */
    const told = async (): Promise<string[][]> => {
      const { rows } = await superuser.query<{ tags: string[] }>(
        `WITH taken AS (DELETE FROM hundredfold_cache.outbox RETURNING id, tags) SELECT tags FROM taken ORDER BY id`,
      )
      await listener.query('SELECT 1')
      announced = heard.map(inOrder)
      heard = []
      return rows.map(({ tags }) => tags.sort())
    }
    let announced: string[] = []

    /** What the statements write to the outbox. */
    const writes = async (sql: string, client = keeper) => {
      await client.query(sql)
      return told()
    }

    test('each statement writes one row, with the tags of its rows', async () => {
      expect(await writes(`INSERT INTO public.professionals VALUES (4, 7, 'Di'), (5, 7, 'Ed')`)).toEqual([
        ['city:7', 'professional:4', 'professional:5', 'professionals'],
      ])
      expect(announced).toEqual(['["city:7","professional:4","professional:5","professionals"]'])
      expect(await writes('DELETE FROM public.professionals WHERE id = 1')).toEqual([
        ['city:1', 'professional:1', 'professionals'],
      ])
    })

    test('an update has the tags of before and after, and no row has none', async () => {
      expect(await writes('UPDATE public.professionals SET city_id = 9 WHERE id = 1')).toEqual([
        ['city:1', 'city:9', 'professional:1', 'professionals'],
      ])
      expect(await writes('UPDATE public.professionals SET id = 8 WHERE id = 1')).toEqual([
        ['city:9', 'professional:1', 'professional:8', 'professionals'],
      ])
      expect(await writes('UPDATE public.professionals SET city_id = 4 WHERE id = 3')).toEqual([
        ['city:4', 'professional:3', 'professionals'],
      ])
      expect(await writes('UPDATE public.professionals SET city_id = NULL WHERE id IN (2, 3)')).toEqual([
        ['city:2', 'city:4', 'professional:2', 'professional:3', 'professionals'],
      ])
      expect(await writes('UPDATE public.professionals SET city_id = 9 WHERE false')).toEqual([])
      expect(await writes('DELETE FROM public.professionals WHERE false')).toEqual([])
      expect(announced).toEqual([])
    })

    test('a tag is left out where its column is NULL', async () => {
      expect(await writes(`UPDATE public.professionals SET name = 'Cyd' WHERE id = 3`)).toEqual([
        ['professional:3', 'professionals'],
      ])
      expect(
        await writes(`INSERT INTO shop."Odd ""Notes" VALUES (NULL, current_date, 'no tag at all')`),
      ).toEqual([])
    })

    test('what is rolled back is neither written nor announced', async () => {
      await keeper.query('BEGIN')
      await keeper.query('DELETE FROM public.professionals WHERE id = 1')
      await keeper.query('ROLLBACK')
      expect(await told()).toEqual([])
      await keeper.query('BEGIN')
      await keeper.query('DELETE FROM public.professionals WHERE id = 2')
      await keeper.query('SAVEPOINT here')
      await keeper.query('DELETE FROM public.professionals WHERE id = 1')
      await keeper.query('ROLLBACK TO here')
      await keeper.query('COMMIT')
      expect(await told()).toEqual([['city:2', 'professional:2', 'professionals']])
      expect(announced).toEqual(['["city:2","professional:2","professionals"]'])
    })

    test('TRUNCATE has the tag of everything, also where another table takes it along', async () => {
      expect(await writes('TRUNCATE public.professionals')).toEqual([['*']])
      await keeper.query(`INSERT INTO public.professionals VALUES (1, 1, 'Ann')`)
      await told()
      await keeper.query('BEGIN; TRUNCATE public.cities CASCADE')
      await keeper.query('INSERT INTO public.cities SELECT generate_series(1, 9); COMMIT')
      expect(await told()).toEqual([['*']])
      expect(announced).toEqual(['["*"]'])
    })

    test('foreign keys, ON CONFLICT, COPY and WITH write too', async () => {
      await keeper.query('BEGIN')
      await keeper.query('DELETE FROM public.cities WHERE id = 1')
      await keeper.query('UPDATE public.cities SET id = 12 WHERE id = 2')
      await keeper.query('INSERT INTO public.cities VALUES (1)')
      await keeper.query('COMMIT')
      expect(await told()).toEqual([
        ['city:1', 'professional:1', 'professionals'],
        ['city:12', 'city:2', 'professional:2', 'professionals'],
      ])
      expect(
        await writes(`INSERT INTO public.professionals VALUES (2, 3, 'Bea'), (6, 4, 'Fay')
          ON CONFLICT (id) DO UPDATE SET city_id = excluded.city_id`),
      ).toEqual(
        expect.arrayContaining([
          ['city:4', 'professional:6', 'professionals'],
          ['city:12', 'city:3', 'professional:2', 'professionals'],
        ]),
      )
      expect(
        await writes(`WITH gone AS (DELETE FROM public.professionals WHERE id = 6 RETURNING *)
          INSERT INTO public.professionals SELECT id + 1, city_id + 1, name FROM gone`),
      ).toEqual(
        expect.arrayContaining([
          ['city:5', 'professional:7', 'professionals'],
          ['city:4', 'professional:6', 'professionals'],
        ]),
      )
      // What COPY reads comes from a program: the driver has no COPY of its own.
      await superuser.query(
        `COPY public.professionals FROM PROGRAM 'printf "20\\t3\\tKim\\n21\\t3\\tLou\\n"'`,
      )
      expect(await told()).toEqual([['city:3', 'professional:20', 'professional:21', 'professionals']])
      await keeper.query('UPDATE public.cities SET id = 2 WHERE id = 12')
    })

    test.skipIf(version < 15)('MERGE writes for each of its actions', async () => {
      const tags =
        await writes(`MERGE INTO public.professionals p USING (VALUES (1), (2), (9)) new (id) ON p.id = new.id
        WHEN MATCHED AND p.id = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET city_id = 5
        WHEN NOT MATCHED THEN INSERT VALUES (new.id, 6, 'Ida')`)
      expect(tags).toHaveLength(3)
      expect(tags).toEqual(
        expect.arrayContaining([
          ['city:1', 'professional:1', 'professionals'],
          ['city:2', 'city:5', 'professional:2', 'professionals'],
          ['city:6', 'professional:9', 'professionals'],
        ]),
      )
    })

    test('odd characters survive to the letter, and texts that a collation takes for equal stay apart', async () => {
      const key = 'a b:"c\'\\n\n{ü}\t,*€'
      await keeper.query(`SET datestyle = 'German'`)
      await keeper.query(`INSERT INTO shop."Odd ""Notes" VALUES ($1, '2026-11-30', 'x')`, [key])
      await keeper.query('RESET datestyle')
      const tags = [`it's "\\odd" ü:${key}`, `on 2026-11-30/${key}`]
      expect(await told()).toEqual([tags])
      expect(announced.map((payload) => JSON.parse(payload) as unknown)).toEqual([tags])
      const [both] = await writes(
        `INSERT INTO shop."Odd ""Notes" (day, "The ""Key") VALUES (NULL, 'A'), (NULL, 'a')`,
      )
      expect(both).toEqual([`it's "\\odd" ü:A`, `it's "\\odd" ü:a`])
    })

    test('a payload too long for NOTIFY is announced as more, and written whole', async () => {
      const long = 'ü'.repeat(4_000)
      const [tags] = await writes(`INSERT INTO shop."Odd ""Notes" ("The ""Key") VALUES ('${long}')`)
      expect(tags).toEqual([`it's "\\odd" ü:${long}`])
      expect(announced).toEqual(['more'])
      // Each size around the limit.
      for (let bytes = 7_860; bytes < 7_910; bytes += 1) {
        await keeper.query(`INSERT INTO shop."Odd ""Notes" ("The ""Key") VALUES ('${'x'.repeat(bytes)}')`)
      }
      await told()
      expect(announced.every((payload) => payload === 'more' || Buffer.byteLength(payload) <= 7_900)).toBe(
        true,
      )
      expect(new Set(announced).size).toBeGreaterThan(10)
      expect(announced.at(-1)).toBe('more')
    })

    test('beyond 1,000 tags a statement has the tag of everything', async () => {
      const some = (from: number, to: number) =>
        `INSERT INTO public.visits SELECT n, '2021-01-01' FROM generate_series(${from}, ${to}) n`
      expect((await writes(some(1, 1_000)))[0]).toHaveLength(1_000)
      expect(await writes(some(2_001, 3_001))).toEqual([['*']])
      expect(await writes('UPDATE public.visits SET id = id + 100000 WHERE id <= 501')).toEqual([['*']])
      // Few tags in many rows, the last of them alone.
      expect(
        await writes(
          `INSERT INTO public.visits SELECT n / 5000, '2021-01-01' FROM generate_series(1, 10000) n`,
        ),
      ).toEqual([expect.arrayContaining(['visit:0', 'visit:1', 'visit:2'])])
      expect(
        await writes(
          `INSERT INTO public.visits SELECT greatest(n - 5000, 0), '2021-01-01' FROM generate_series(1, 10000) n`,
        ),
      ).toEqual([['*']])
      expect(
        await writes(
          `INSERT INTO public.visits SELECT nullif(greatest(n - 9999, 0), 0), '2021-01-01' FROM generate_series(1, 10000) n`,
        ),
      ).toEqual([['visit:1']])
    })

    test('a partitioned table announces what is written to it, and to each partition', async () => {
      expect(await writes(`INSERT INTO public.visits VALUES (1, '2010-01-01'), (2, '2030-01-01')`)).toEqual([
        ['visit:1', 'visit:2'],
      ])
      expect(await writes(`INSERT INTO public.visits_now VALUES (3, '2030-01-01')`)).toEqual([['visit:3']])
      expect(await writes(`INSERT INTO public.visits_new VALUES (4, '2030-01-01')`)).toEqual([['visit:4']])
      // The row moves to another partition.
      expect(await writes(`UPDATE public.visits SET at = '2030-01-01', id = 5 WHERE id = 1`)).toEqual([
        ['visit:1', 'visit:5'],
      ])
      expect((await writes('TRUNCATE public.visits')).every(([tag]) => tag === '*')).toBe(true)
    })

    test('a role without any right on the outbox writes to the table, behind its policies', async () => {
      await keeper.query(`ALTER TABLE public.professionals ENABLE ROW LEVEL SECURITY;
        CREATE POLICY few ON public.professionals TO guest USING (id < 3) WITH CHECK (true);
        GRANT SELECT, INSERT, UPDATE, DELETE ON public.professionals TO guest`)
      const guest = await session('guest')
      // Types of the writer's own do not get into the function.
      await superuser.query('GRANT TEMPORARY ON DATABASE cached TO guest')
      await guest.query(`CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (false)`)
      expect(await writes(`UPDATE public.professionals SET name = 'x'`, guest)).toEqual([
        ['city:1', 'city:2', 'professional:1', 'professional:2', 'professionals'],
      ])
      expect(await writes(`INSERT INTO public.professionals VALUES (30, 3, 'Max')`, guest)).toEqual([
        ['city:3', 'professional:30', 'professionals'],
      ])
      await expect(guest.query('SELECT * FROM hundredfold_cache.outbox')).rejects.toThrow('permission denied')
      await guest.end()
      const { rows } = await keeper.query(`SELECT proname FROM pg_proc
        WHERE pronamespace = 'hundredfold_cache'::regnamespace AND has_function_privilege('guest', oid, 'EXECUTE')`)
      expect(rows).toEqual([])
      await keeper.query(`DROP POLICY few ON public.professionals;
        ALTER TABLE public.professionals DISABLE ROW LEVEL SECURITY`)
    })

    test('writers of the same tag do not wait for each other', async () => {
      await keeper.query('BEGIN')
      await keeper.query(`INSERT INTO public.professionals VALUES (40, 4, 'Nan')`)
      await other.query(`SET lock_timeout = '1s'`)
      await other.query(`INSERT INTO public.professionals VALUES (41, 4, 'Oda')`)
      await keeper.query('COMMIT')
      expect(await told()).toHaveLength(2)
    })

    test('where nobody follows the outbox it keeps a day, and whoever comes later drops everything', async () => {
      await keeper.query(`INSERT INTO hundredfold_cache.outbox (tags, at)
        SELECT '{old}', now() - interval '25 hours' FROM generate_series(1, 3000)`)
      await keeper.query(`DO $$ BEGIN FOR n IN 1 .. 500 LOOP
        UPDATE public.professionals SET name = 'x' WHERE id = 1; END LOOP; END $$`)
      const { rows } = await keeper.query(
        `SELECT tags, count(*)::int FROM hundredfold_cache.outbox GROUP BY 1 ORDER BY 2`,
      )
      expect(rows).toEqual([
        { tags: ['*'], count: 3 },
        { tags: ['professional:1', 'city:1', 'professionals'], count: 500 },
      ])
      // A row that somebody holds is left, without waiting for it.
      await keeper.query(`UPDATE hundredfold_cache.outbox SET at = at - interval '25 hours'`)
      await other.query('BEGIN; SELECT FROM hundredfold_cache.outbox ORDER BY id LIMIT 2 FOR UPDATE')
      await keeper.query(`SET lock_timeout = '1s'; DO $$ BEGIN FOR n IN 1 .. 100 LOOP
        UPDATE public.professionals SET name = 'x' WHERE id = 1; END LOOP; END $$; RESET lock_timeout`)
      await other.query('COMMIT')
      expect((await findCacheOutbox(borrow(keeper)))?.rows).toBe(2 + 1 + 100)
    })

    test('the outbox stays where functions of triggers need it', async () => {
      await keeper.query('BEGIN; DROP TABLE hundredfold_cache.outbox')
      await expect(keeper.query('DROP SCHEMA hundredfold_cache')).rejects.toThrow(
        'other objects depend on it',
      )
      await keeper.query('ROLLBACK')
    })

    test('the way back works when a partition is gone', async () => {
      await keeper.query('DROP TABLE public.visits_old')
      const back = await runDown(keeper, files.path, { count: 1 })
      expect(back.failure?.message).toBeUndefined()
      expect(await writes(`INSERT INTO public.visits VALUES (1, '2030-01-01')`)).toEqual([])
      await keeper.query(
        `CREATE TABLE public.visits_old PARTITION OF public.visits FOR VALUES FROM ('2000-01-01') TO ('2020-01-01')`,
      )
      expect((await runUp(keeper, files.path)).failure?.message).toBeUndefined()
    })
  })
})
