import { sql } from '../../src/postgres/sql.ts'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { borrow } from '../../src/postgres/database.ts'
import { atomically, underOneSavepoint, underSavepoint } from '../../src/postgres/savepoint.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  client = await database.connect()
  await client.query('CREATE TABLE notes (id int)')
})
afterAll(() => database.drop())

const add = (id: number) => () => client.query('INSERT INTO notes VALUES ($1)', [id])
const fail = () => client.query('SELECT 1 / 0')

/** What stands in the table at the end of a transaction in which `work` ran. */
async function notesAfter(work: () => Promise<unknown>): Promise<number[]> {
  await client.query('BEGIN')
  await work()
  const { rows } = await client.query<{ id: number }>('SELECT id FROM notes ORDER BY id')
  await client.query('ROLLBACK')
  return rows.map(({ id }) => id)
}

test('what a look does is undone, and its answer stays', async () => {
  const db = borrow(client)
  const notes = await notesAfter(async () => {
    expect((await underSavepoint(db, add(1))).rowCount).toBe(1)
  })
  expect(notes).toEqual([])
})

test('a look that fails leaves the transaction as it was', async () => {
  const db = borrow(client)
  const notes = await notesAfter(async () => {
    await atomically(db, add(1))
    await expect(underSavepoint(db, fail)).rejects.toThrow('division by zero')
    await expect(atomically(db, () => add(2)().then(fail))).rejects.toThrow('division by zero')
  })
  expect(notes).toEqual([1])
})

test('looks may be nested', async () => {
  const db = borrow(client)
  const notes = await notesAfter(() =>
    atomically(db, async () => {
      await add(1)()
      await underSavepoint(db, async () => {
        await add(2)()
        await expect(underSavepoint(db, fail)).rejects.toThrow('division by zero')
      })
    }),
  )
  expect(notes).toEqual([1])
})

test('looks that share a savepoint see nothing of each other, whether they fail or not', async () => {
  const db = borrow(client)
  const notes = await notesAfter(() =>
    atomically(db, async () => {
      await add(1)()
      const seen = await underOneSavepoint(db, async (under) => {
        await under(() => client.query(`SET LOCAL app.who = 'somebody'; INSERT INTO notes VALUES (2)`))
        await expect(under(() => add(3)().then(fail))).rejects.toThrow('division by zero')
        return under(() =>
          underSavepoint(db, () =>
            client.query(`SELECT current_setting('app.who', true) AS who, array_agg(id) AS notes FROM notes`),
          ),
        )
      })
      expect(seen.rows).toEqual([{ who: '', notes: [1] }])
    }),
  )
  expect(notes).toEqual([1])
})

test('a time limit that is too short even for the rollback does no harm', async () => {
  const db = borrow(client)
  const notes = await notesAfter(async () => {
    await expect(
      underSavepoint(db, async () => {
        await sql`SELECT pg_catalog.set_config('statement_timeout', '1ms', true)`.execute(db)
        await sql`SELECT pg_catalog.pg_sleep(1)`.execute(db)
      }),
    ).rejects.toThrow('statement timeout')
    await add(3)()
  })
  expect(notes).toEqual([3])
})
