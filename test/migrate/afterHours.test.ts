import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { defaultRunOptions } from '../../src/migrate/runOptions.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { redo } from '../../src/migrate/redo.ts'
import { callCommand, program, runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { runDown, runUp } from './run.ts'

const first = '20260101000000000_first'
const second = '20260102000000000_second'
const hours = { begin: 2 * 60, end: 4 * 60 }
const within = new Date('2026-06-01T03:59:00Z')
const after = new Date('2026-06-01T04:00:00Z')

let database: TestDatabase
let client: Client
let files: MigrationDirectory

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  const add = (column: string) =>
    sqlMigration({
      up: [`ALTER TABLE public.bookings ADD ${column} int`],
      down: [`ALTER TABLE public.bookings DROP ${column}`],
    })
  files = await migrationDirectory({ [`${first}.ts`]: add('a'), [`${second}.ts`]: add('b') })
})
beforeEach(async () => {
  client = await database.connect()
  await client.query('DROP SCHEMA IF EXISTS hundredfold CASCADE; DROP TABLE IF EXISTS public.bookings')
  await client.query('CREATE TABLE public.bookings (id int)')
  return () => client.end()
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await database.drop()
})

/** A clock that shows the end of the hours once something has happened. */
function clockThatEnds() {
  let now = within
  return { end: () => (now = after), clock: { now: () => now, timeZone: 'UTC' } }
}

test('when the hours have ended, no further migration begins, and it says what is done and what is left', async () => {
  const { end, clock } = clockThatEnds()
  const { ran, failure } = await runUp(client, files.path, {
    hours,
    clock,
    onEvent: ({ kind }) => void (kind === 'done' && end()),
  })
  expect(ran.map(({ name }) => name)).toEqual([first])
  expect(failure).toMatchObject({ exitCode: 3, details: [second] })
  expect(failure?.message).toBe(
    `It is not within 02:00-04:00 now, so nothing more was begun. 1 migration is done (${first}); 1 left (${second}).`,
  )
})

test('on the way down too', async () => {
  await runUp(client, files.path)
  const { end, clock } = clockThatEnds()
  const { ran, failure } = await runDown(client, files.path, {
    hours,
    clock,
    onEvent: ({ kind }) => void (kind === 'done' && end()),
  })
  expect(ran.map(({ name }) => name)).toEqual([second])
  expect(failure).toMatchObject({ exitCode: 3, details: [first] })
})

test('redo says what was taken back and not applied again', async () => {
  await runUp(client, files.path)
  const { end, clock } = clockThatEnds()
  const { failure } = await redo(
    await loadMigrations(files.path),
    { count: 1 },
    {
      ...defaultRunOptions,
      client,
      hours,
      clock,
      onEvent: ({ kind }) => void (kind === 'done' && end()),
    },
  )
  expect(failure).toMatchObject({ exitCode: 3, details: [`${second} up`] })
  expect(failure?.message).toContain(`1 migration is done (${second} down)`)
})

test.each([false, true])(
  'a wait for a lock ends with the hours (step by step: %s)',
  async (noTransaction) => {
    const add = sqlMigration({
      up: ['ALTER TABLE public.bookings ADD c int'],
      down: ['ALTER TABLE public.bookings DROP c'],
      noTransaction,
    })
    await using own = await migrationDirectory({ [`${first}.ts`]: add })
    const reader = await database.connect()
    await reader.query('BEGIN; SELECT FROM public.bookings; SELECT pg_sleep(0.1)')
    const { end, clock } = clockThatEnds()
    const { ran, failure } = await runUp(client, own.path, {
      hours,
      clock,
      onEvent: ({ kind }) => void (kind === 'heldUp' && end()),
    })
    await reader.end()
    expect(ran).toEqual([])
    expect(failure).toMatchObject({ exitCode: 3, details: [first] })
    await expect(client.query('SELECT c FROM public.bookings')).rejects.toThrow('does not exist')
  },
)

test.each(['25:00-04:00', '2-4', '02:00-02:00'])('--after-hours %s is refused with 5', async (text) => {
  const { exitCode, err } = await callCommand(['migrate', 'up', '--dir', files.path, '--after-hours', text], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expect(exitCode).toBe(5)
  expect(err).toContain('Write two different times such as 02:00-04:00, or 22:00-04:00 over midnight.')
})

/** Hours around the present minute, or a few hours from it, in the zone of the programs. */
function hoursFromNow(fromHour: number, toHour: number): string {
  const text = (hour: number) => new Date(Date.now() + hour * 3_600_000).toISOString().slice(11, 16)
  return `${text(fromHour)}-${text(toHour)}`
}

test('within the hours, up runs at once', async () => {
  await client.query(`ALTER TABLE public.bookings OWNER TO casaora_owner`)
  const { exitCode, err } = await runCommand(
    ['migrate', 'up', '--dir', files.path, '--after-hours', hoursFromNow(-2, 2)],
    { environment: { DIRECT_URL: database.ownerUrl, TZ: 'UTC' } },
  )
  expect(err).toBe('')
  expect(exitCode).toBe(0)
})

test('before the hours, up says until when it waits, and Ctrl-C ends it', async () => {
  const hoursLater = hoursFromNow(2, 3)
  const child = spawn(
    process.execPath,
    [program, 'migrate', 'up', '--dir', files.path, '--after-hours', hoursLater],
    {
      env: { PATH: process.env['PATH'], NO_COLOR: '1', DIRECT_URL: database.ownerUrl, TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let printed = ''
  const ended = once(child, 'close') as Promise<[number | null]>
  // A second signal would end it at once.
  let isAsked = false
  const hear = (chunk: Buffer) => {
    printed += chunk.toString()
    if (!isAsked && printed.includes('Waiting until')) isAsked = child.kill('SIGINT')
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const [exitCode] = await ended
  expect(printed).toMatch(
    new RegExp(`Waiting until [-\\d]+ ${hoursLater.slice(0, 5)}, for the hours ${hoursLater}\\.`),
  )
  expect(printed).toContain('Stopped. Nothing half-done is left')
  expect(exitCode).toBe(1)
})
