import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { status } from '../../src/migrate/status.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { runDown, runUp } from './run.ts'

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
})
beforeEach(async () => {
  client = await database.connect()
  await client.query('DROP SCHEMA IF EXISTS hundredfold CASCADE')
  return () => client.end()
})
afterAll(() => database.drop())

const nothing = sqlMigration({ up: ['SELECT 1'], down: ['SELECT 1'] })
const first = '20260101000000000_first.ts'
const second = '20260102000000000_second.ts'

async function states(directory: string) {
  const statuses = await status(await loadMigrations(directory), client)
  return statuses.map(({ name, state }) => [name.slice(18), state])
}

test('status tells pending from applied, and creates no ledger', async () => {
  await using files = await migrationDirectory({ [first]: nothing, [second]: nothing })
  expect(await states(files.path)).toEqual([
    ['first', 'pending'],
    ['second', 'pending'],
  ])
  const schema = await client.query(`SELECT FROM pg_namespace WHERE nspname = 'hundredfold'`)
  expect(schema.rowCount).toBe(0)
  await runUp(client, files.path, { count: 1 })
  expect(await states(files.path)).toEqual([
    ['first', 'applied'],
    ['second', 'pending'],
  ])
})

test('a file that was changed after it was applied stops up and down with 4', async () => {
  await using files = await migrationDirectory({ [first]: nothing })
  await runUp(client, files.path)
  await files.write(first, `${nothing}// changed\n`)
  expect(await states(files.path)).toEqual([['first', 'changed']])
  await expect(runUp(client, files.path)).rejects.toMatchObject({ exitCode: 4 })
  await expect(runDown(client, files.path)).rejects.toMatchObject({ exitCode: 4 })
})

test('an applied migration without a file stops with 4', async () => {
  await using files = await migrationDirectory({ [first]: nothing, [second]: nothing })
  await runUp(client, files.path)
  await files.remove(first)
  expect(await states(files.path)).toEqual([
    ['first', 'missing'],
    ['second', 'applied'],
  ])
  await expect(runUp(client, files.path)).rejects.toMatchObject({ exitCode: 4 })
})

test('a pending migration before an applied one stops with 4', async () => {
  await using files = await migrationDirectory({ [second]: nothing })
  await runUp(client, files.path)
  await files.write(first, nothing)
  await expect(runUp(client, files.path)).rejects.toThrow('Pending migrations come before applied ones')
})

test('up stops at --to, down goes down to --to', async () => {
  const third = '20260103000000000_third.ts'
  await using files = await migrationDirectory({ [first]: nothing, [second]: nothing, [third]: nothing })
  const up = await runUp(client, files.path, { to: 'second' })
  expect(up.ran.map(({ name }) => name.slice(18))).toEqual(['first', 'second'])
  await runUp(client, files.path)
  const down = await runDown(client, files.path, { to: second })
  expect(down.ran.map(({ name }) => name.slice(18))).toEqual(['third', 'second'])
})

test('the order is that of numbers, not of a clock: a clock that jumps changes nothing', async () => {
  await using files = await migrationDirectory({ [first]: nothing, [second]: nothing })
  await runUp(client, files.path)
  await client.query(
    `UPDATE hundredfold.migrations SET applied_at = '1999-01-01', started_at = '2999-01-01' WHERE name LIKE '%second'`,
  )
  const { ran } = await runDown(client, files.path, { count: 1 })
  expect(ran.map(({ name }) => name.slice(18))).toEqual(['second'])
})

test.each([
  [`UPDATE hundredfold.migrations SET checksum = 'mine'`, 'violates check constraint'],
  [`UPDATE hundredfold.migrations SET state = 'done'`, 'violates check constraint'],
])('the ledger refuses an edit that makes no sense: %s', async (edit, message) => {
  await using files = await migrationDirectory({ [first]: nothing })
  await runUp(client, files.path)
  await expect(client.query(edit)).rejects.toThrow(message)
})

test.each([
  '{}',
  '[{}]',
  'null',
  '"x"',
  '[{"kind": "indexBuild"}]',
  '[{"kind": "indexDrop", "schema": "public", "name": "i"}]',
  '[{"kind": "mine", "schema": "public", "name": "i"}]',
  '{"created": [{}], "dropped": [], "made": []}',
])('an undo record that somebody edited to %s ends with 4 and names the migration', async (edited) => {
  await using files = await migrationDirectory({ [first]: nothing })
  await runUp(client, files.path)
  await client.query('UPDATE hundredfold.migrations SET undo = $1', [edited])
  for (const run of [runUp, runDown]) {
    await expect(run(client, files.path)).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringContaining('row of 20260101000000000_first was edited') as string,
    })
  }
})

test('a migration whose ledger row was deleted is pending again, and out of order before an applied one', async () => {
  await using files = await migrationDirectory({ [first]: nothing, [second]: nothing })
  await runUp(client, files.path)
  await client.query(`DELETE FROM hundredfold.migrations WHERE name LIKE '%first'`)
  await expect(runUp(client, files.path)).rejects.toMatchObject({ exitCode: 4 })
})

test('a row that somebody wrote into the ledger has no file, and ends with 4', async () => {
  await using files = await migrationDirectory({ [first]: nothing })
  await runUp(client, files.path)
  await client.query(
    `INSERT INTO hundredfold.migrations (name, checksum, state) VALUES ('mine', repeat('0', 64), 'applied')`,
  )
  await expect(runUp(client, files.path)).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringContaining('have no file: mine') as string,
  })
})

test('down to a migration that is taken back already does nothing; down to an unknown one is an error', async () => {
  await using files = await migrationDirectory({ [first]: nothing, [second]: nothing })
  await runUp(client, files.path)
  await runDown(client, files.path, { to: 'second' })
  expect(await runDown(client, files.path, { to: 'second' })).toEqual({ ran: [] })
  await expect(runDown(client, files.path, { to: 'third' })).rejects.toMatchObject({ exitCode: 5 })
  expect(await states(files.path)).toEqual([
    ['first', 'applied'],
    ['second', 'pending'],
  ])
})

test('a ledger whose columns somebody changed ends with 4 and says so', async () => {
  await using files = await migrationDirectory({ [first]: nothing })
  await runUp(client, files.path)
  await client.query('ALTER TABLE hundredfold.migrations RENAME checksum TO sum')
  await expect(runUp(client, files.path)).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringContaining('The ledger hundredfold.migrations cannot be read') as string,
  })
})
