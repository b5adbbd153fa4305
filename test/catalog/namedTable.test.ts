import { afterAll, beforeAll, expect, test } from 'vitest'
import { findNamedTable } from '../../src/catalog/namedTable.ts'
import type { Database } from '../../src/postgres/database.ts'
import { borrow } from '../../src/postgres/database.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  const owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE SCHEMA audit; CREATE SCHEMA "Shop data";
    CREATE TABLE public.bookings (); CREATE TABLE audit.events (); CREATE TABLE "Shop data"."Orders.old" ();
    CREATE TABLE public."a.b" (); SET search_path = ''`)
  db = borrow(owner)
})
afterAll(() => database.drop())

test.each([
  ['bookings', 'public', 'bookings'],
  ['public.bookings', 'public', 'bookings'],
  ['audit.events', 'audit', 'events'],
  ['"Shop data"."Orders.old"', 'Shop data', 'Orders.old'],
  ['"a.b"', 'public', 'a.b'],
])('%s is a table', async (text, schema, name) => {
  expect(await findNamedTable(db, text)).toEqual({ schema, name })
})

test.each(['nothing', 'audit.nothing', 'no_schema.events', '"Bookings"'])('%s is none', async (text) => {
  expect(await findNamedTable(db, text)).toBeUndefined()
})
