import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readOnce } from '../../src/catalog/reader.ts'
import { borrow } from '../../src/postgres/database.ts'
import { readOnly } from '../../src/postgres/readOnly.ts'
import type { TableBloat } from '../../src/catalog/bloat.ts'
import { listTableBloat } from '../../src/catalog/bloat.ts'
import { listIndexBloat } from '../../src/catalog/indexBloat.ts'
import { settleCounters } from '../rules/look.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let owner: Client
let superuser: Client

/** Tables of differing rows, each with autovacuum off, so that only the test decides how fresh statistics are. */
const tables = {
  narrow: 'id int, flag boolean',
  mixed: 'flag boolean, id bigint, small smallint, body text, at timestamptz, maybe text',
  wide: 'id uuid, payload jsonb, body text, amount numeric',
}
const values = {
  narrow: `n, n % 2 = 0`,
  mixed: `n % 3 = 0, n, n % 100, repeat('x', n % 90), now(), CASE WHEN n % 4 = 0 THEN 'some text' END`,
  wide: `gen_random_uuid(), jsonb_build_object('n', n, 'm', n * 7), repeat('y', n % 200), n * 1.5`,
}

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  superuser = await database.connect()
  for (const [name, columns] of Object.entries(tables)) {
    await owner.query(`CREATE TABLE ${name} (${columns}) WITH (autovacuum_enabled = false)`)
    await owner.query(
      `INSERT INTO ${name} SELECT ${values[name as keyof typeof values]} FROM generate_series(1, 60000) n`,
    )
  }
  await owner.query(
    `CREATE TABLE filled (id int, body text) WITH (fillfactor = 70, autovacuum_enabled = false)`,
  )
  await owner.query(`INSERT INTO filled SELECT n, repeat('z', 50) FROM generate_series(1, 60000) n`)
})
afterAll(() => database.drop())

async function freshen(): Promise<void> {
  await settleCounters(owner)
  for (const name of [...Object.keys(tables), 'filled']) await owner.query(`VACUUM (ANALYZE) ${name}`)
  await settleCounters(owner)
}

async function bloatOf(name: string): Promise<TableBloat> {
  const found = (await readOnly(owner, () => readOnce(borrow(owner))(listTableBloat))).find(
    (table) => table.name === name,
  )
  if (!found) throw new Error(`no figure for ${name}`)
  return found
}

/** What pgstattuple says, as superuser, in a schema that the owner may not use. */
async function measured(name: string): Promise<number> {
  await superuser.query('CREATE SCHEMA IF NOT EXISTS measuring; REVOKE ALL ON SCHEMA measuring FROM PUBLIC')
  await superuser.query('CREATE EXTENSION IF NOT EXISTS pgstattuple SCHEMA measuring')
  const { rows } = await superuser.query<{ percent: number }>(
    `SELECT (free_percent + dead_tuple_percent)::float8 AS percent FROM measuring.pgstattuple($1::regclass)`,
    [name],
  )
  return rows[0]?.percent ?? Number.NaN
}

async function expectNearMeasured(): Promise<void> {
  for (const name of Object.keys(tables)) {
    const { bloatPercent, kind } = await bloatOf(name)
    expect(kind, name).toBe('estimated')
    expect(Math.abs((bloatPercent ?? Number.NaN) - (await measured(name))), name).toBeLessThan(5)
  }
}

describe('the estimate', () => {
  test('is within five points of pgstattuple on new tables', async () => {
    await freshen()
    await expectNearMeasured()
  })

  test('does not count what fillfactor keeps free', async () => {
    expect((await bloatOf('filled')).bloatPercent).toBeLessThan(5)
  })

  test('is unknown on statistics that are stale', async () => {
    for (const name of Object.keys(tables)) {
      await owner.query(`DELETE FROM ${name} WHERE hashtext(ctid::text) % 10 BETWEEN 0 AND 3`)
    }
    await settleCounters(owner)
    for (const name of Object.keys(tables)) {
      const { kind, bloatPercent, how } = await bloatOf(name)
      expect([kind, bloatPercent]).toEqual(['unknown', null])
      expect(how).toContain('stale')
    }
  })

  test('is within five points of pgstattuple after scattered deletes', async () => {
    await freshen()
    expect((await bloatOf('mixed')).bloatPercent).toBeGreaterThan(15)
    await expectNearMeasured()
  })

  test('is within five points of pgstattuple after scattered updates', async () => {
    await owner.query(`UPDATE narrow SET flag = NOT flag WHERE id % 5 < 3`)
    await owner.query(`UPDATE mixed SET small = 1 WHERE id % 5 < 3`)
    await owner.query(`UPDATE wide SET amount = amount + 1 WHERE hashtext(id::text) % 5 = 0`)
    await freshen()
    await expectNearMeasured()
  })

  test('is unknown on a table that was never analyzed', async () => {
    await owner.query(
      `CREATE TABLE fresh WITH (autovacuum_enabled = false) AS SELECT n, repeat('a', 50) FROM generate_series(1, 50000) n`,
    )
    expect((await bloatOf('fresh')).how).toBe('never analyzed')
  })
})

test('pgstattuple measures where the role may call it, on stale statistics too', async () => {
  await superuser.query('CREATE EXTENSION IF NOT EXISTS pgstattuple SCHEMA measuring')
  await superuser.query(`GRANT USAGE ON SCHEMA measuring TO casaora_owner`)
  await superuser.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA measuring TO casaora_owner`)
  const { kind, how, bloatPercent } = await bloatOf('mixed')
  expect([kind, how]).toEqual(['measured', 'pgstattuple'])
  expect(bloatPercent).toBeCloseTo(await measured('mixed'), 1)
  await superuser.query(`REVOKE USAGE ON SCHEMA measuring FROM casaora_owner`)
})

describe('of B-trees', () => {
  test('unique ones are known, those of repeated keys only with low confidence', async () => {
    await owner.query(`
      CREATE TABLE keys (id bigint PRIMARY KEY, kind int) WITH (autovacuum_enabled = false);
      INSERT INTO keys SELECT n, n % 50 FROM generate_series(1, 200000) n;
      CREATE INDEX keys_kind_idx ON keys (kind)`)
    await owner.query('DELETE FROM keys WHERE id % 10 < 5')
    await settleCounters(owner)
    await owner.query('VACUUM (ANALYZE) keys')
    await settleCounters(owner)
    const trees = await readOnly(owner, () => readOnce(borrow(owner))(listIndexBloat))
    const primary = trees.find(({ name }) => name === 'keys_pkey')
    const repeated = trees.find(({ name }) => name === 'keys_kind_idx')
    const { rows } = await superuser.query<{ percent: number }>(
      `SELECT (100 * (1 - avg_leaf_density / 90))::float8 AS percent FROM measuring.pgstatindex('keys_pkey')`,
    )
    expect(primary?.kind).toBe('estimated')
    expect(primary?.confidence).toBe('high')
    expect(Math.abs((primary?.bloatPercent ?? Number.NaN) - (rows[0]?.percent ?? Number.NaN))).toBeLessThan(5)
    expect(repeated?.confidence).toBe('low')
  })
})
