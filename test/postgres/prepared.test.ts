import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prepared } from '../../src/postgres/prepared.ts'
import { createDatabase } from '../support/database.ts'
import type { TestDatabase } from '../support/database.ts'

describe('a client that prepares its queries', () => {
  let database: TestDatabase
  let session: Client

  beforeAll(async () => {
    database = await createDatabase()
    session = await database.connect()
  })
  afterAll(() => database.drop())

  it('prepares each text once, however often it runs and with any values', async () => {
    const client = prepared(session)
    for (const value of [1, 2, 3]) {
      const { rows } = await client.query<{ twice: number }>('SELECT 2 * $1::int AS twice', [value])
      expect(rows).toEqual([{ twice: 2 * value }])
    }
    const { rows } = await session.query('SELECT statement FROM pg_prepared_statements')
    expect(rows).toEqual([{ statement: 'SELECT 2 * $1::int AS twice' }])
  })

  it('returns present rows, not those from when the query was prepared', async () => {
    const client = prepared(session)
    const tables = async () =>
      (await client.query(`SELECT relname FROM pg_class WHERE relname IN ('first', 'second')`)).rows
    await session.query('CREATE TABLE first (id int)')
    expect(await tables()).toEqual([{ relname: 'first' }])
    await session.query('ALTER TABLE first RENAME TO second')
    expect(await tables()).toEqual([{ relname: 'second' }])
  })
})
