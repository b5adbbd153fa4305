import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { untilRunnerLooks } from '../support/lockWait.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'

const readerSeconds = 5

let database: TestDatabase
let files: MigrationDirectory
let looker: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  looker = await database.connect(database.ownerUrl)
  files = await migrationDirectory({
    '20260101000000000_add-note.ts': sqlMigration({
      up: ['ALTER TABLE public.bookings ADD note text'],
      down: ['ALTER TABLE public.bookings DROP note'],
    }),
  })
})
beforeEach(async () => {
  await looker.query('DROP SCHEMA IF EXISTS hundredfold CASCADE; DROP TABLE IF EXISTS public.bookings')
  await looker.query('CREATE TABLE public.bookings (id int)')
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await database.drop()
})

/** Runs `migrate up` while somebody reads the table for five seconds. */
async function upBehindReader(...options: string[]) {
  const reader = await database.connect()
  await reader.query('BEGIN; SELECT FROM public.bookings')
  const running = runCommand(['migrate', 'up', '--dir', files.path, ...options], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  // The five seconds begin when the runner meets the reader; starting it takes a time of its own.
  await untilRunnerLooks(looker)
  await reader.query(`SELECT pg_sleep(${readerSeconds}); COMMIT`)
  return running
}

async function found() {
  const { rows } = await looker.query<{ columns: string[]; ledger: number }>(
    `SELECT ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = 'public.bookings'::regclass
                  AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS columns,
            (SELECT count(*)::int FROM hundredfold.migrations) AS ledger`,
  )
  return rows[0]
}

test('behind a reader of five seconds, up waits until the table is free, and ends with 0', async () => {
  const { exitCode, out } = await upBehindReader()
  expect(out).toMatch(
    /20260101000000000_add-note: waiting, without queueing, for server process \d+ \(test\): /,
  )
  expect(exitCode).toBe(0)
  expect(await found()).toEqual({ columns: ['id', 'note'], ledger: 1 })
})

test('with a budget of two seconds it ends with 3, and nothing has changed', async () => {
  const { exitCode, err } = await upBehindReader('--lock-budget', '2s')
  expect(exitCode).toBe(3)
  expect(err).toContain('did not get its lock within 2 s')
  expect(err).toMatch(
    /In the way:\n {2}server process \d+ \(test\): its transaction has been open for at least [\d.]+ s/,
  )
  expect(err).toContain('AccessShareLock on public.bookings')
  expect(err).toMatch(/Next: .*pg_terminate_backend\(\d+\).*--lock-budget 5m/)
  expect(await found()).toEqual({ columns: ['id'], ledger: 0 })
})
