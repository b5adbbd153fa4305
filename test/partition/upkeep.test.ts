import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PartitionPlan } from '../../src/partition/plan.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { runUp } from '../migrate/run.ts'
import { engineIsMissing } from '../support/engines.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { versions } from '../support/versions.ts'
import { writeSeries } from './writeSeries.ts'

const scene = `
  CREATE SCHEMA shop;
  CREATE TABLE shop.people (id integer PRIMARY KEY);
  INSERT INTO shop.people VALUES (1);
  CREATE TABLE shop."Lines" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "At" timestamptz NOT NULL, person integer REFERENCES shop.people,
    cents integer NOT NULL CHECK (cents > 0), gross integer GENERATED ALWAYS AS (cents * 2) STORED);
  CREATE INDEX ON shop."Lines" (person, "At");
  CREATE TABLE shop.parts (id integer PRIMARY KEY, line bigint REFERENCES shop."Lines" ON DELETE CASCADE);
  CREATE TABLE shop.log (what text);
  CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO shop.log VALUES (TG_OP); RETURN NULL; END $$;
  CREATE TRIGGER note AFTER INSERT OR DELETE ON shop."Lines" FOR EACH ROW EXECUTE FUNCTION shop.note();
  ALTER TABLE shop."Lines" ENABLE ROW LEVEL SECURITY;
  INSERT INTO shop."Lines" ("At", person, cents) SELECT now() - n * interval '1 day', 1, n FROM generate_series(1, 300) n;
  INSERT INTO shop.parts SELECT n, n FROM generate_series(1, 100) n`

describe.each(versions)('PostgreSQL $version', ({ version, engine }) => {
  describe.skipIf(engine !== undefined && engineIsMissing(engine))('', () => {
    let server: Server
    let keeper: Client
    let other: Client
    let third: Client
    let superuser: Client
    let plan: PartitionPlan
    const rest = () => `shop."${plan.subject?.defaultPartition.name}"`

    const session = async (database: string) => {
      const client = await connect(server.url(database))
      await client.query('SET SESSION AUTHORIZATION keeper')
      return client
    }

    // The series runs once; each test has a copy of the database behind it.
    beforeAll(async () => {
      server = await startEmbedded({ version })
      superuser = await connect(server.url())
      await superuser.query('CREATE ROLE keeper LOGIN')
      await superuser.query('CREATE DATABASE partitioned OWNER keeper')
      const owner = await session('partitioned')
      await owner.query(scene)
      plan = await planPartitions(owner, {
        ...{ table: { schema: 'shop', name: 'Lines' }, key: 'At', every: 'month' },
        ...{ ahead: 2, accept: ['Lines_pkey', 'shop."Lines"."At"'], retention: '6 months' },
      })
      expect(plan.refused).toEqual([])
      await using files = await migrationDirectory({})
      await writeSeries(files.path, plan.operations)
      expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
      await owner.end()
    })
    afterAll(async () => {
      await superuser.end()
      await server.stop()
    })

    beforeEach(async () => {
      await superuser.query('CREATE DATABASE upkeep TEMPLATE partitioned OWNER keeper')
      keeper = await session('upkeep')
      other = await session('upkeep')
      third = await session('upkeep')
    })
    afterEach(async () => {
      await keeper.end()
      await other.end()
      await third.end()
      await superuser.query('DROP DATABASE upkeep WITH (FORCE)')
    })

    const add = async (client: Client, ahead: number, most = 10_000): Promise<string[]> => {
      const { rows } = await client.query<{ made: string }>(
        'SELECT private."add_partitions_of_Lines"($1, $2) AS made',
        [ahead, most],
      )
      return rows.map(({ made }) => made)
    }
    const rowsOf = async (table: string): Promise<unknown[]> =>
      (await keeper.query(`SELECT * FROM ${table} ORDER BY 1`)).rows

    test('who reads a partition stops nothing, and reads on while partitions are made', async () => {
      await other.query('BEGIN')
      // A constant, so that the plan leaves the default partition out.
      const past = `SELECT * FROM shop."Lines" WHERE "At" < '${new Date().toISOString()}'`
      await other.query(past)
      await keeper.query('BEGIN')
      expect((await add(keeper, 5)).length).toBeGreaterThan(0)
      const held = await locks(keeper)
      expect(held.of('shop."Lines"')).not.toContain('AccessExclusiveLock')
      expect(held.of('shop."Lines"')).toContain('ShareUpdateExclusiveLock')
      expect(held.of(rest())).toContain('AccessExclusiveLock')
      await other.query(`SET lock_timeout = '1s'`)
      await other.query(past)
      await keeper.query('COMMIT')
      await other.query('COMMIT')
    })

    test('a transaction that has written to another partition does not stop it for good', async () => {
      await other.query('BEGIN')
      await other.query(`INSERT INTO shop."Lines" ("At", person, cents) VALUES (now(), NULL, 1)`)
      expect((await add(keeper, 5)).length).toBeGreaterThan(0)
      await other.query('COMMIT')
    })

    test('who reads the default partition stops it, and nobody else: it gives up and leaves nothing behind', async () => {
      await other.query('BEGIN')
      await other.query('SELECT count(*) FROM shop."Lines"')
      const trial = add(keeper, 5).catch((error: unknown) => error)
      await superuser.query('SELECT pg_sleep(1)')
      await third.query(`SET lock_timeout = '1s'`)
      await third.query(`SELECT count(*) FROM shop."Lines"`)
      await third.query(`INSERT INTO shop."Lines" ("At", cents) VALUES (now(), 1)`)
      expect(String(await trial)).toContain('lock timeout')
      await other.query('COMMIT')
      expect((await add(keeper, 5)).length).toBeGreaterThan(0)
    })

    test('rows in the default partition move into theirs, once, with their children, and no trigger fires', async () => {
      await strayRows(keeper)
      const before = await rowsOf('shop."Lines"')
      const parts = await rowsOf('shop.parts')
      await keeper.query('TRUNCATE shop.log')
      const made = await add(keeper, 12)
      expect(await rowsOf('shop."Lines"')).toEqual(before)
      expect(await rowsOf('shop.parts')).toEqual(parts)
      expect(await rowsOf('shop.log')).toEqual([])
      const left = await keeper.query(`SELECT "At" > now() + interval '5 years' AS far FROM ONLY ${rest()}`)
      expect(left.rows).toEqual([{ far: true }])
      const counts: number[] = []
      for (const name of made) counts.push((await keeper.query(`SELECT FROM ONLY ${name}`)).rowCount ?? 0)
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(30)
      await add(keeper, 12)
      const keys = await keeper.query(
        `SELECT bool_and(convalidated) AS valid FROM pg_constraint WHERE conrelid = 'shop.parts'::regclass AND contype = 'f' AND conparentid = 0`,
      )
      expect(keys.rows).toEqual([{ valid: true }])
      // Triggers, the key and its action work on moved rows as before.
      await keeper.query(
        `DELETE FROM shop."Lines" WHERE "At" BETWEEN now() + interval '8 months' AND now() + interval '5 years'`,
      )
      expect(await rowsOf('shop.log')).not.toEqual([])
      await keeper.query(`INSERT INTO shop."Lines" ("At", cents) VALUES (now() + interval '9 months', 1)`)
      expect((await rowsOf('shop.parts')).length).toBeLessThan(parts.length)
    })

    test('more rows than it may move are refused with their number, and nothing has changed', async () => {
      await strayRows(keeper)
      await expect(add(keeper, 12, 10)).rejects.toThrow(/more than 10 rows/)
      expect(await add(keeper, 1)).toEqual([])
    })

    test('it says how many rows are left beyond the partitions', async () => {
      const said: (string | undefined)[] = []
      keeper.on('notice', ({ message }) => said.push(message))
      await strayRows(keeper)
      await add(keeper, 1)
      expect(said.join()).toContain('31 rows of shop."Lines" lie beyond its partitions')
    })

    test('two that make partitions at once do not hinder each other', async () => {
      const [one, two] = await Promise.all([add(keeper, 8), add(other, 8)])
      expect([one.length, two.length].filter((count) => count > 0)).toHaveLength(1)
    })

    test('partitions whose rows are all older are dropped, the default one and younger ones stay', async () => {
      await add(keeper, 5)
      const all = await partitionsOf(keeper)
      await keeper.query(`CALL private."drop_partitions_of_Lines"('24 months')`)
      expect(await partitionsOf(keeper)).toEqual(all)
      await pretendAge(keeper)
      await keeper.query(`CALL private."drop_partitions_of_Lines"('24 months')`)
      const dropped = all.filter((name) => !name.includes('old'))
      expect(await partitionsOf(keeper)).toEqual(dropped)
    })

    test('a key to the table is valid and works once partitions were dropped, and no check is left', async () => {
      const guard = plan.subject?.children[0]?.guard ?? ''
      const checks = async () =>
        (
          await keeper.query(
            'SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND conparentid = 0 ORDER BY 1',
            ['shop.parts'],
          )
        ).rows
      await pretendAge(keeper)
      const before = await checks()
      await keeper.query(`ALTER TABLE shop.parts ADD CONSTRAINT "${guard}" CHECK (id > 0)`)
      await keeper.query(`CALL private."drop_partitions_of_Lines"('24 months')`)
      expect(await checks()).toEqual(before)
      expect(await partitionsOf(keeper)).not.toContain('shop."Lines_old"')
      const key = await keeper.query(
        `SELECT convalidated AS valid FROM pg_constraint WHERE conname = 'parts_line_fkey' AND conparentid = 0`,
      )
      expect(key.rows).toEqual([{ valid: true }])
      const parts = (await rowsOf('shop.parts')).length
      await keeper.query('DELETE FROM shop."Lines" WHERE id = 5')
      expect((await rowsOf('shop.parts')).length).toBe(parts - 1)
    })

    test('who writes the referencing table keeps a drop waiting, and others write on meanwhile', async () => {
      await pretendAge(keeper)
      await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await other.query('INSERT INTO shop.parts VALUES (3000, 1)')
      const call = keeper.query(`CALL private."drop_partitions_of_Lines"('24 months')`)
      await third.query(`SET lock_timeout = '200ms'`)
      const until = Date.now() + 1500
      for (let id = 4000; Date.now() < until; id += 1) {
        await third.query('INSERT INTO shop.parts VALUES ($1, 1)', [id])
      }
      await other.query('COMMIT')
      await call
      expect(await partitionsOf(keeper)).not.toContain('shop."Lines_old"')
    })

    test('a partition that a key points to is refused by the name of the key', async () => {
      await pretendAge(keeper)
      await keeper.query(
        `INSERT INTO shop.parts SELECT 1000, id FROM shop."Lines" WHERE "At" < now() - interval '8 years'`,
      )
      await expect(keeper.query(`CALL private."drop_partitions_of_Lines"('24 months')`)).rejects.toThrow(
        'shop."Lines_old" has rows that foreign key "parts_line_fkey" of "shop"."parts" points to',
      )
      expect(await partitionsOf(keeper)).toContain('shop."Lines_old"')
      const left = await keeper.query(`SELECT FROM pg_constraint WHERE conname LIKE '%guard'`)
      expect(left.rowCount).toBe(0)
    })
  })
})

/** One row in each of the next thirty times ten days beyond the partitions, and one with an impossible date. */
async function strayRows(client: Client): Promise<void> {
  await client.query(`
    INSERT INTO shop."Lines" ("At", person, cents)
    SELECT now() + interval '8 months' + n * interval '3 days', 1, n FROM generate_series(1, 30) n;
    INSERT INTO shop."Lines" ("At", cents) VALUES ('9999-01-01', 1);
    INSERT INTO shop.parts SELECT 500 + id, id FROM shop."Lines" WHERE "At" > now() + interval '7 months'`)
}

/** A partition of ten years ago: the history makes way for it. */
async function pretendAge(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string; bound: string }>(`
    SELECT oid::regclass::text AS name, pg_get_expr(relpartbound, oid) AS bound FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = 'shop."Lines"'::regclass AND pg_get_expr(relpartbound, oid) LIKE '%MINVALUE%'`)
  const [{ name, bound } = { name: '', bound: '' }] = rows
  await client.query(`BEGIN; ALTER TABLE shop.parts DROP CONSTRAINT parts_line_fkey;
    ALTER TABLE shop."Lines" DETACH PARTITION ${name};
    ALTER TABLE shop."Lines" ATTACH PARTITION ${name} ${bound.replace('(MINVALUE)', `('2019-01-01 00:00:00+00')`)};
    CREATE TABLE shop."Lines_old" PARTITION OF shop."Lines" FOR VALUES FROM ('2017-01-01 00:00:00+00') TO ('2019-01-01 00:00:00+00');
    ALTER TABLE shop.parts ADD CONSTRAINT parts_line_fkey FOREIGN KEY (line, "Lines_At") REFERENCES shop."Lines" (id, "At");
    INSERT INTO shop."Lines" ("At", cents) VALUES ('2018-01-01', 1); COMMIT`)
}

async function partitionsOf(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'shop."Lines"'::regclass ORDER BY 1`,
  )
  return rows.map(({ name }) => name)
}

async function locks(client: Client): Promise<{ of: (relation: string) => string[] }> {
  const { rows } = await client.query<{ name: string; mode: string }>(
    `SELECT relation::regclass::text AS name, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'`,
  )
  return {
    of: (relation) => rows.filter(({ name }) => name === relation).map(({ mode }) => mode),
  }
}
