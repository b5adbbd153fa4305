import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findNamedTable } from '../../src/catalog/namedTable.ts'
import { borrow } from '../../src/postgres/database.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

describe('a table that a person names', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect()
    await owner.query(`
      CREATE TABLE public.orders (id int); CREATE SCHEMA audit; CREATE TABLE audit.events (id int);
      CREATE SCHEMA "Shop data"; CREATE TABLE "Shop data"."Or""ders" (id int)`)
  })
  afterAll(() => database.drop())

  const find = (text: string) => findNamedTable(borrow(owner), text)

  it('is found with its schema, or without it in the search path and in public', async () => {
    expect(await find('orders')).toEqual({ schema: 'public', name: 'orders' })
    expect(await find(' PUBLIC . Orders ')).toEqual({ schema: 'public', name: 'orders' })
    expect(await find('audit.events')).toEqual({ schema: 'audit', name: 'events' })
    expect(await find('"Shop data"."Or""ders"')).toEqual({ schema: 'Shop data', name: 'Or"ders' })
  })

  it('is nothing where there is none, or where the text is no name', async () => {
    for (const text of [
      'events',
      'audit.orders',
      'a.b.c',
      '',
      '.',
      '"',
      'orders; DROP',
      '"Orders"',
      'orders.',
    ])
      expect(await find(text), text).toBeUndefined()
  })
})
