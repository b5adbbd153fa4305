import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { borrow } from '../../src/postgres/database.ts'
import { sql } from '../../src/postgres/sql.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  client = await connect(database.ownerUrl)
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

const hostile = `a"b'c $1 \\ ; --`

test('values become parameters, and come back as they are', async () => {
  const { rows } = await sql<{ a: string; b: number }>`SELECT ${hostile} AS a, ${7}::int AS b`.execute(
    borrow(client),
  )
  expect(rows).toEqual([{ a: hostile, b: 7 }])
})

test('pieces are numbered through, wherever they stand', async () => {
  const range = sql`${2}::int AND ${4}::int`
  const query = sql<{
    n: number
  }>`SELECT n FROM generate_series(${1}::int, ${9}::int) n WHERE n BETWEEN ${range}`
  expect(query.compile()).toEqual({
    text: 'SELECT n FROM generate_series($1::int, $2::int) n WHERE n BETWEEN $3::int AND $4::int',
    values: [1, 9, 2, 4],
  })
  expect((await query.execute(borrow(client))).rows.map(({ n }) => n)).toEqual([2, 3, 4])
})

test('identifiers and literals of any characters are read as they are', async () => {
  const { rows } = await sql`SELECT ${sql.lit(hostile)}::text AS ${sql.id(hostile)}`.execute(borrow(client))
  expect(rows).toEqual([{ [hostile]: hostile }])
})

test('a reference is quoted part by part', () => {
  expect(sql.ref('Con.conname').compile().text).toBe('"Con"."conname"')
})

test('a list is joined by commas, or by what is named', () => {
  expect(sql`(${sql.join([1, sql.id('a'), 2])})`.compile()).toEqual({
    text: '($1, "a", $2)',
    values: [1, 2],
  })
  expect(sql.join([sql.raw('a'), sql.raw('b')], sql.raw(' AND ')).compile().text).toBe('a AND b')
  expect(sql.join([]).compile()).toEqual({ text: '', values: [] })
})

test('a condition of one`s own asks with plain text and values', async () => {
  const { rows } = await borrow(client).query<{ n: number }>('SELECT $1::int + 1 AS n', [1])
  expect(rows).toEqual([{ n: 2 }])
})
