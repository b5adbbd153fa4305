import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEmbedded } from '../src/servers/embedded.ts'
import type { CommandResult } from './support/commandLine.ts'
import { runCommand } from './support/commandLine.ts'
import type { TestDatabase } from './support/database.ts'
import { createDatabase } from './support/database.ts'
import { engineIsMissing } from './support/engines.ts'
import type { MigrationDirectory } from './support/migrationFiles.ts'
import { migrationDirectory, sqlMigration } from './support/migrationFiles.ts'

let database: TestDatabase
let owner: Client
let files: MigrationDirectory

const name = '20260101000000000_add-note.ts'

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  owner = await database.connect(database.ownerUrl)
  await owner.query('CREATE TABLE public.bookings (id int)')
  files = await migrationDirectory({
    [name]: sqlMigration({
      up: ['ALTER TABLE public.bookings ADD note text'],
      down: ['ALTER TABLE public.bookings DROP note'],
    }),
  })
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await database.drop()
})

function migrate(args: string[], url = database.ownerUrl): Promise<CommandResult> {
  return runCommand(['migrate', ...args, '--dir', files.path], { environment: { DIRECT_URL: url } })
}

/** The owner's URL with one part replaced. */
function urlWith(change: (url: URL) => void): string {
  const url = new URL(database.ownerUrl)
  change(url)
  return url.href
}

/** What every failure must be: explained, with the next step, without a stack trace or a secret. */
function expectExplained(result: CommandResult, exitCode: number, message: string): void {
  expect(result.err).toContain(message)
  expect(result.err).toContain('Next:')
  expect(result.exitCode).toBe(exitCode)
  const printed = result.out + result.err
  expect(printed).not.toMatch(/^\s+at /m)
  expect(printed).not.toMatch(/postgres(ql)?:\/\/(?!USER)/)
  expect(printed).not.toContain('s3cret')
}

test('no URL', async () => {
  const result = await runCommand(['migrate', 'status', '--dir', files.path], { directory: files.path })
  expectExplained(result, 5, 'No database is configured')
})

test.each([
  'localhost/app',
  'mysql://u:s3cret@localhost/app',
  'postgresql://u:s3cret@local host:99999/x',
  'postgres://u:s3cret%@h/x',
])('a malformed URL', async (url) => {
  expectExplained(await migrate(['status'], url), 5, 'The database URL is malformed')
})

test('a server that does not answer', async () => {
  const url = 'postgresql://u:s3cret@127.0.0.1:9/app'
  expectExplained(
    await migrate(['status'], url),
    5,
    'No server answers at 127.0.0.1:9, database "app", user "u"',
  )
})

test('a wrong password', async () => {
  const url = urlWith((parts) => (parts.password = 's3cret'))
  expectExplained(await migrate(['status'], url), 5, 'The server refused the login')
})

test('a database that is not there', async () => {
  const url = urlWith((parts) => (parts.pathname = '/nowhere'))
  expectExplained(await migrate(['status'], url), 5, 'The database does not exist')
})

test.skipIf(engineIsMissing('postgres13'))('a server that is too old', async () => {
  const server = await startEmbedded({ version: 13 })
  try {
    expectExplained(await migrate(['status'], server.url()), 5, 'runs PostgreSQL 13')
  } finally {
    await server.stop()
  }
})

test('a missing table', async () => {
  await using wrong = await migrationDirectory({
    [name]: sqlMigration({ up: ['ALTER TABLE public.nowhere ADD a int'], down: ['SELECT 1'] }),
  })
  const result = await runCommand(['migrate', 'up', '--dir', wrong.path], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expectExplained(result, 1, 'relation "public.nowhere" does not exist')
})

test('a missing column', async () => {
  await using wrong = await migrationDirectory({
    [name]: sqlMigration({ up: ['CREATE INDEX ON public.bookings (nowhere)'], down: ['SELECT 1'] }),
  })
  const result = await runCommand(['migrate', 'up', '--dir', wrong.path], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expectExplained(result, 1, 'column "nowhere" does not exist')
})

test('no permission', async () => {
  const superuser = await database.connect()
  await superuser.query('CREATE TABLE public.of_somebody_else (id int)')
  await using wrong = await migrationDirectory({
    [name]: sqlMigration({ up: ['ALTER TABLE public.of_somebody_else ADD a int'], down: ['SELECT 1'] }),
  })
  const result = await runCommand(['migrate', 'up', '--dir', wrong.path], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expectExplained(result, 5, 'ownership of public.of_somebody_else (it belongs to postgres)')
})

test('an unknown command, and an option that is no duration', async () => {
  expect(await migrate(['sideways'])).toMatchObject({ exitCode: 5 })
  const result = await migrate(['up', '--lock-budget', 'soon'])
  expect(result.exitCode).toBe(5)
  expect(result.err).toContain('Write a duration such as')
})

test('--dry-run, which npm keeps for itself, is refused', async () => {
  const result = await runCommand(['migrate', 'up', '--dir', files.path], {
    environment: { DIRECT_URL: database.ownerUrl, npm_config_dry_run: 'true' },
  })
  expectExplained(result, 5, 'npm kept --dry-run for itself')
})

test('up, status and down, with JSON of the documented shape', async () => {
  const up = await migrate(['up', '--json', '-'])
  expect(up.exitCode).toBe(0)
  expect(JSON.parse(up.out)).toMatchObject({
    schemaVersion: 1,
    command: 'migrate up',
    takenAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    ran: [
      {
        name: '20260101000000000_add-note',
        direction: 'up',
        ms: expect.any(Number) as number,
        conditions: [],
      },
    ],
  })

  const status = await migrate(['status', '--json', '-'])
  expect(JSON.parse(status.out)).toMatchObject({
    migrations: [{ name: '20260101000000000_add-note', state: 'applied' }],
  })

  await files.write('20260102000000000_fail.ts', sqlMigration({ up: ['SELECT 1/0'], down: ['SELECT 1'] }))
  const failing = await migrate(['up', '--json', '-'])
  expect(failing.exitCode).toBe(1)
  expect(JSON.parse(failing.out)).toMatchObject({ ran: [], failed: { exitCode: 1 } })
  await files.remove('20260102000000000_fail.ts')

  const down = await migrate(['down'])
  expect(down.exitCode).toBe(0)
  expect(down.out).toContain('✔ 20260101000000000_add-note  down')
})

test('a changed applied file ends with 4, in status too', async () => {
  await migrate(['up'])
  await files.write(
    name,
    sqlMigration({
      up: ['ALTER TABLE public.bookings ADD note varchar'],
      down: ['ALTER TABLE public.bookings DROP note'],
    }),
  )
  expect(await migrate(['status'])).toMatchObject({ exitCode: 4 })
  expectExplained(await migrate(['up']), 4, 'Applied migrations were changed afterwards')
})

test('the wrong directory names five of the files that it lacks, and all of them with --json', async () => {
  const many = Array.from({ length: 8 }, (_, at) => `2026020${at + 1}000000000_nothing.ts`)
  const nothing = sqlMigration({ up: ['SELECT 1'], down: ['SELECT 1'] })
  await using right = await migrationDirectory(Object.fromEntries(many.map((file) => [file, nothing])))
  await using wrong = await migrationDirectory()
  const other = await createDatabase({ from: 'empty' })
  try {
    const run = (args: string[]) =>
      runCommand(['migrate', ...args, '--json', '-'], { environment: { DIRECT_URL: other.ownerUrl } })
    expect(await run(['up', '--dir', right.path])).toMatchObject({ exitCode: 0 })
    const result = await run(['down', '--dir', wrong.path])
    const names = many.map((file) => file.replace('.ts', ''))
    expectExplained(result, 4, `have no file: ${names.slice(0, 5).join(', ')} and 3 more.`)
    expect(JSON.parse(result.out)).toMatchObject({
      command: 'migrate down',
      ran: [],
      failed: { exitCode: 4, details: names },
    })
  } finally {
    await other.drop()
  }
})

test('new writes a file with every part in place, which loads', async () => {
  await using empty = await migrationDirectory()
  const result = await runCommand(['migrate', 'new', 'Create bookings index', '--dir', empty.path])
  expect(result).toMatchObject({ exitCode: 0 })
  expect(result.out).toMatch(/\d{17}_create-bookings-index\.ts\n$/)
  const json = await runCommand(['migrate', 'new', 'other', '--dir', empty.path, '--json', '-'])
  expect(JSON.parse(json.out)).toMatchObject({
    command: 'migrate new',
    file: expect.stringMatching(/_other\.ts$/) as string,
  })
})
