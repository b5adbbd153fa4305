import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { indexCovers, noIndexCovers } from '../../src/conditions/indexes.ts'
import { borrow } from '../../src/postgres/database.ts'
import type { IndexShape } from '../../src/catalog/indexShapes.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const table = { schema: 'Shop', name: 'order lines' }
const on = 'a ON "Shop"."order lines"'

describe('an index covers a shape', () => {
  let database: TestDatabase
  let client: Client

  beforeAll(async () => {
    database = await createDatabase()
    client = await database.connect()
    await client.query(`SET search_path = ''; SET client_min_messages = 'warning'`)
  })
  afterAll(() => database.drop())
  beforeEach(async () => {
    await client.query(`
      DROP SCHEMA IF EXISTS "Shop" CASCADE;
      CREATE SCHEMA "Shop";
      CREATE TABLE "Shop"."order lines" (
        id int, "when" timestamptz, note text, tags text[], name varchar(40), gone boolean NOT NULL DEFAULT false
      )`)
  })

  /** Whether the index is found to cover the shape; both conditions must agree. */
  async function covers(definition: string, shape: Omit<IndexShape, 'table'>): Promise<boolean> {
    await client.query(`CREATE INDEX ${definition}`)
    const wanted = { table, ...shape }
    const covered = await indexCovers(wanted).check(borrow(client))
    const absent = await noIndexCovers(wanted).check(borrow(client))
    expect(absent.holds).toBe(!covered.holds)
    return covered.holds
  }

  it.each([
    ['the same keys', `${on} (id, "when")`, { keys: ['id', '"when"'] }],
    ['further keys behind', `${on} (id, "when", note)`, { keys: ['id', '"when"'] }],
    ['all keys inverted', `${on} (id DESC, "when")`, { keys: ['id', '"when" DESC'] }],
    ['an expression', `${on} (lower(note))`, { keys: ['lower(note)'] }],
    ['an expression with a cast', `${on} (lower(name))`, { keys: ['lower((name)::text)'] }],
    ['more included columns', `${on} (id) INCLUDE (note, name)`, { keys: ['id'], include: ['name'] }],
    ['an included column among the keys', `${on} (id, note)`, { keys: ['id'], include: ['note'] }],
    ['the same predicate', `${on} (id) WHERE NOT gone`, { keys: ['id'], where: '(NOT gone)' }],
    ['no predicate where one is wanted', `${on} (id)`, { keys: ['id'], where: '(NOT gone)' }],
    ['GIN', `${on} USING gin (tags)`, { method: 'gin', keys: ['tags'] }],
    [
      'an operator class by name',
      `${on} (note text_pattern_ops)`,
      { keys: ['note pg_catalog.text_pattern_ops'] },
    ],
    ['a collation by name', `${on} (note COLLATE "C")`, { keys: ['note COLLATE pg_catalog."C"'] }],
  ])('with %s', async (_what, definition, shape) => {
    expect(await covers(definition, shape)).toBe(true)
  })

  it.each([
    ['only the first key', `${on} (id)`, { keys: ['id', '"when"'] }],
    ['the keys in another order', `${on} ("when", id)`, { keys: ['id', '"when"'] }],
    ['one direction inverted', `${on} (id, "when" DESC)`, { keys: ['id', '"when"'] }],
    ['nulls elsewhere', `${on} (id NULLS FIRST)`, { keys: ['id'] }],
    ['an included column missing', `${on} (id)`, { keys: ['id'], include: ['note'] }],
    ['a predicate that is not wanted', `${on} (id) WHERE NOT gone`, { keys: ['id'] }],
    ['another predicate', `${on} (id) WHERE gone`, { keys: ['id'], where: '(NOT gone)' }],
    ['another method', `${on} USING hash (id)`, { keys: ['id'] }],
    ['another operator class', `${on} (note text_pattern_ops)`, { keys: ['note'] }],
    ['another collation', `${on} (note COLLATE "C")`, { keys: ['note'] }],
  ])('but not with %s', async (_what, definition, shape) => {
    expect(await covers(definition, shape)).toBe(false)
  })

  it('but not while it is invalid', async () => {
    await client.query(`INSERT INTO "Shop"."order lines" (id) VALUES (1), (1)`)
    const build = client.query(`CREATE UNIQUE INDEX CONCURRENTLY a ON "Shop"."order lines" (id)`)
    await expect(build).rejects.toThrow('could not create unique index')
    const verdict = await indexCovers({ table, keys: ['id'] }).check(borrow(client))
    expect(verdict).toEqual({ holds: false, expected: 'a valid index', actual: 'no index that covers it' })
  })

  it('and is named with its definition', async () => {
    await client.query(`CREATE INDEX "By Hand" ON "Shop"."order lines" (id)`)
    expect(await noIndexCovers({ table, keys: ['id'] }).check(borrow(client))).toEqual({
      holds: false,
      expected: 'no such index',
      actual: 'index "Shop"."By Hand": CREATE INDEX "By Hand" ON "Shop"."order lines" USING btree (id)',
    })
  })
})
