import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Condition } from '../../src/conditions/condition.ts'
import { borrow } from '../../src/postgres/database.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
})
afterAll(() => database.drop())

/** A project's Kysely, of whatever version: it writes the query, and the condition's session runs it. */
const kysely = new Kysely<{ cities: { id: number; name: string } }>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})

const nobodyIsUnnamed: Condition = {
  description: 'every city has a name',
  async check(db) {
    const query = kysely
      .withSchema('public')
      .selectFrom('cities')
      .select('id')
      .where('name', '=', '')
      .compile()
    const { rows } = await db.query<{ id: number }>(query.sql, query.parameters)
    return rows.length === 0
      ? { holds: true }
      : { holds: false, expected: 'none', actual: `city ${rows[0]?.id}` }
  },
}

test('a condition may ask by the Kysely of its project', async () => {
  const client = await database.connect()
  await client.query("CREATE TABLE public.cities (id int, name text); INSERT INTO cities VALUES (1, 'Rome')")
  expect(await nobodyIsUnnamed.check(borrow(client))).toEqual({ holds: true })
  await client.query("INSERT INTO cities VALUES (2, '')")
  expect(await nobodyIsUnnamed.check(borrow(client))).toEqual({
    holds: false,
    expected: 'none',
    actual: 'city 2',
  })
})
