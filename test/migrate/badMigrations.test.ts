import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { runDown, runUp } from './run.ts'

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  client = await database.connect(database.ownerUrl)
})
afterAll(() => database.drop())

const name = '20260101000000000_misbehave.ts'
const down = 'export function down(): void {}\n'

async function failureOf(text: string, options = {}) {
  await using files = await migrationDirectory({ [name]: text })
  const { ran, failure } = await runUp(client, files.path, options)
  expect(ran).toEqual([])
  const rows = await client.query(`SELECT FROM hundredfold.migrations`)
  expect(rows.rowCount).toBe(0)
  return failure
}

test('a migration that throws', async () => {
  const failure = await failureOf(`export function up(): void { throw new Error('no such luck') }\n${down}`)
  expect(failure?.message).toBe('up of 20260101000000000_misbehave failed: no such luck')
  expect(failure?.exitCode).toBe(5)
})

test('a migration that throws a string, not an Error', async () => {
  const failure = await failureOf(`export function up(): void { throw 'just text' }\n${down}`)
  expect(failure?.message).toContain('just text')
})

test('a migration that returns a rejected promise', async () => {
  const failure = await failureOf(`export const up = () => Promise.reject(new Error('later, too'))\n${down}`)
  expect(failure?.message).toContain('later, too')
})

test('a migration that never ends is stopped after its time', async () => {
  const failure = await failureOf(`export const up = () => new Promise(() => {})\n${down}`, {
    statementTimeoutMs: 300,
  })
  expect(failure?.message).toContain('did not end within 0.3 s')
  expect(failure?.next).toContain('every promise')
})

test('a statement that takes too long is stopped after its time', async () => {
  const failure = await failureOf(sqlMigration({ up: ['SELECT pg_sleep(60)'], down: [] }), {
    statementTimeoutMs: 300,
  })
  expect(failure?.message).toContain('canceling statement due to statement timeout')
  expect(failure?.next).toContain('--statement-timeout')
})

test('a migration that commits through its own queries, without the runner', async () => {
  const failure = await failureOf(
    `export async function up(pgm: any) { await pgm.db.query('CREATE TABLE public.half (id int)'); await pgm.db.query('COMMIT') }\n${down}`,
  )
  expect(failure?.message).toContain('controls the transaction itself')
  const half = await client.query(`SELECT to_regclass('public.half') AS half`)
  expect(half.rows).toEqual([{ half: null }])
})

test('a statement that PostgreSQL cannot read', async () => {
  const failure = await failureOf(sqlMigration({ up: ['CREATE TABEL public.t (id int)'], down: [] }))
  expect(failure?.message).toContain('PostgreSQL cannot read this as SQL')
  expect(failure?.message).toContain('CREATE TABEL')
})

test('a file of 5 MB runs, and is taken back', async () => {
  const rows = Array.from({ length: 100_000 }, (_, id) => `(${id}, 'a name of some length ${id} ü')`)
  const insert = `INSERT INTO public.large VALUES ${rows.join(', ')}`
  expect(insert.length).toBeGreaterThan(3_500_000)
  const filler = `// ${'x'.repeat(1_500_000)}\n`
  await using files = await migrationDirectory({
    [name]:
      sqlMigration({
        up: ['CREATE TABLE public.large (id int, name text)', insert],
        down: ['DROP TABLE public.large'],
      }) + filler,
  })
  const { failure } = await runUp(client, files.path)
  expect(failure).toBeUndefined()
  const count = await client.query('SELECT count(*)::int AS count FROM public.large')
  expect(count.rows).toEqual([{ count: 100_000 }])
  expect((await runDown(client, files.path)).failure).toBeUndefined()
})
