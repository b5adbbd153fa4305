import { sql } from '../../src/postgres/sql.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attempt } from '../../src/catalog/attempt.ts'
import { readAhead } from '../../src/catalog/readAhead.ts'
import type { Reader, Results } from '../../src/catalog/reader.ts'
import { readOnce } from '../../src/catalog/reader.ts'
import type { Database } from '../../src/postgres/database.ts'
import { borrow } from '../../src/postgres/database.ts'
import { readOnly } from '../../src/postgres/readOnly.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})

afterAll(() => database.drop())

const readOne = (db: Database): Promise<number> => numberOf(db, '1')
const readTwo: Reader<number> = async (_, read) => (await read(readOne)) + 1
const readForbidden = (db: Database): Promise<number> => numberOf(db, '(SELECT count(*) FROM pg_authid)')
const readSlowly = (db: Database): Promise<number> => numberOf(db, '(SELECT 1 FROM pg_sleep(60))')
const readWithParameter = async (db: Database): Promise<number | undefined> =>
  (await sql<{ n: number }>`SELECT ${3}::int AS n`.execute(db)).rows[0]?.n

async function numberOf(db: Database, expression: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`SELECT ${sql.raw(expression)}::int AS n`.execute(db)
  return rows[0]?.n ?? NaN
}

test('a kind that cannot be read ahead fails only for those that ask for it', async () => {
  const owner = await database.connect(database.ownerUrl)
  const asked = await readOnly(
    owner,
    async () => {
      const results: Results = new Map()
      await readAhead(owner, results, [readForbidden, readTwo, readSlowly, readWithParameter])
      const db = borrow(owner)
      const read = readOnce(db, results)
      return {
        one: await attempt(db, () => read(readOne)),
        two: await attempt(db, () => read(readTwo)),
        withParameter: await attempt(db, () => read(readWithParameter)),
        forbidden: await attempt(db, () => read(readForbidden)),
        slow: await attempt(db, () => read(readSlowly)),
        later: await attempt(db, () => numberOf(db, '4')),
      }
    },
    { statementTimeoutMs: 200 },
  )
  expect(asked).toMatchObject({
    one: { status: 'ok', value: 1 },
    two: { status: 'ok', value: 2 },
    withParameter: { status: 'ok', value: 3 },
    forbidden: { status: 'skipped', reason: expect.stringContaining('the role may not see it') as string },
    slow: { status: 'skipped', reason: 'it took longer than the statement timeout' },
    later: { status: 'ok', value: 4 },
  })
})
