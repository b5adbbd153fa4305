import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { IndexBuild } from '../../src/catalog/indexBuilds.ts'
import { listIndexBuilds } from '../../src/catalog/indexBuilds.ts'
import { borrow } from '../../src/postgres/database.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { runnerLooks } from '../support/lockWait.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { runUp } from './run.ts'

const program = fileURLToPath(new URL('../../scripts/hundredfold.mjs', import.meta.url))

let database: TestDatabase
let superuser: Client
let files: MigrationDirectory

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  superuser = await database.connect()
  files = await migrationDirectory({
    '20260101000000000_add-note.ts': sqlMigration({
      up: ['ALTER TABLE public.bookings ADD note text'],
      down: ['ALTER TABLE public.bookings DROP note'],
    }),
    '20260102000000000_create-index.ts': sqlMigration({
      up: ['CREATE INDEX CONCURRENTLY bookings_id_idx ON public.bookings (id)'],
      down: ['DROP INDEX CONCURRENTLY public.bookings_id_idx'],
      noTransaction: true,
    }),
  })
})
beforeEach(async () => {
  await superuser.query(`DROP SCHEMA IF EXISTS hundredfold CASCADE; DROP TABLE IF EXISTS public.bookings`)
  await superuser.query(
    `CREATE TABLE public.bookings AS SELECT 1 AS id; ALTER TABLE public.bookings OWNER TO casaora_owner`,
  )
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await database.drop()
})

/** Starts `migrate up`, waits until `ready` sees it at work, sends the signal, and returns how it ended. */
async function signalDuring(
  signal: NodeJS.Signals,
  ready: () => Promise<boolean>,
): Promise<{ exitCode: number | null; printed: string }> {
  const child = spawn(process.execPath, [program, 'migrate', 'up', '--dir', files.path], {
    env: { PATH: process.env['PATH'], NO_COLOR: '1', DIRECT_URL: database.ownerUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  const ended = once(child, 'close') as Promise<[number | null]>
  while (!(await ready()) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20))
  child.kill(signal)
  const [exitCode] = await ended
  return { exitCode, printed }
}

async function isRunning(statement: string): Promise<boolean> {
  const { rowCount } = await superuser.query(
    `SELECT FROM pg_stat_activity WHERE application_name = 'hundredfold' AND state = 'active' AND query LIKE $1`,
    [`${statement}%`],
  )
  return rowCount === 1
}

async function leftBehind() {
  const { rows } = await superuser.query<{ index: string | null; ledger: string[] }>(
    `SELECT to_regclass('public.bookings_id_idx')::text AS index,
            ARRAY(SELECT state || ' ' || name FROM hundredfold.migrations ORDER BY position) AS ledger`,
  )
  return rows[0]
}

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  test('during a concurrent build: the index is gone, what ran before stays', async () => {
    const reader = await database.connect()
    // An old snapshot keeps the build waiting, but holds no lock on the table that the other migration needs.
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()')
    const { exitCode, printed } = await signalDuring(signal, () => isRunning('CREATE INDEX CONCURRENTLY'))
    await reader.query('ROLLBACK')
    expect(printed).toContain('Stopped during 20260102000000000_create-index')
    expect(exitCode).toBe(1)
    expect(await leftBehind()).toEqual({ index: null, ledger: ['applied 20260101000000000_add-note'] })
  })

  test('while waiting for somebody who holds the table: nothing has changed', async () => {
    const reader = await database.connect()
    await reader.query('BEGIN; SELECT FROM public.bookings')
    const { exitCode, printed } = await signalDuring(signal, () => runnerLooks(superuser))
    await reader.query('ROLLBACK')
    expect(printed).toContain('Stopped during 20260101000000000_add-note')
    expect(exitCode).toBe(1)
    expect(await leftBehind()).toEqual({ index: null, ledger: [] })
  })
})

test('a connection that breaks between migrations is reported, with what to do next', async () => {
  const client = await database.connect(database.ownerUrl)
  await client.end()
  await expect(runUp(client, files.path)).rejects.toMatchObject({
    exitCode: 1,
    message: 'The connection was lost between migrations.',
    next: expect.stringContaining('run the command again') as string,
  })
})

test('a concurrent build shows its progress while it runs', async () => {
  const writer = await database.connect()
  const builder = await database.connect()
  // A writer that has not ended holds the build up at a phase that is known.
  await writer.query('BEGIN; INSERT INTO public.bookings VALUES (2)')
  const built = builder.query('CREATE INDEX CONCURRENTLY bookings_id_idx ON public.bookings (id)')
  // Its outcome is awaited below; until then a failure must not count as unhandled.
  built.catch(() => undefined)
  try {
    const isHeldUp = ({ phase }: IndexBuild) => phase === 'waiting for writers before build'
    let builds: IndexBuild[] = []
    while (!builds.some(isHeldUp)) builds = await listIndexBuilds(borrow(superuser))
    expect(builds).toEqual([
      {
        pid: (builder as Client & { processID: number }).processID,
        index: 'public.bookings_id_idx',
        phase: 'waiting for writers before build',
        done: 0,
      },
    ])
  } finally {
    await writer.query('ROLLBACK')
  }
  await built
  expect(await listIndexBuilds(borrow(superuser))).toEqual([])
})
