import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
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
  await client.query('DROP SCHEMA IF EXISTS hundredfold CASCADE; DROP TABLE IF EXISTS public.bookings')
  await client.query('CREATE TABLE public.bookings (id int, status text)')
  return () => client.end()
})
afterAll(() => database.drop())

const name = '20260101000000000_add-note.ts'
const addNote = {
  up: ['ALTER TABLE public.bookings ADD note text'],
  down: ['ALTER TABLE public.bookings DROP note'],
}

async function columns(): Promise<string[]> {
  const result = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = 'public.bookings'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  )
  return result.rows.map((row) => row.name)
}

async function ledgerNames(): Promise<string[]> {
  const result = await client.query<{ name: string }>(
    `SELECT name FROM hundredfold.migrations ORDER BY position`,
  )
  return result.rows.map((row) => row.name)
}

test('a migration runs with its conditions, and is taken back', async () => {
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      ...addNote,
      imports: `import { columnsExist, tableExists } from 'hundredfold'`,
      optimization: `{
        why: 'a note', rule: 'test',
        before: [tableExists({ schema: 'public', name: 'bookings' })],
        after: [columnsExist({ schema: 'public', name: 'bookings' }, ['note'])],
      }`,
    }),
  })
  const applied = await runUp(client, files.path)
  expect(applied.failure).toBeUndefined()
  expect(applied.ran[0]?.conditions.map(({ phase, holds }) => [phase, holds])).toEqual([
    ['before', true],
    ['after', true],
  ])
  expect(await columns()).toEqual(['id', 'status', 'note'])
  expect(await ledgerNames()).toEqual(['20260101000000000_add-note'])

  const back = await runDown(client, files.path)
  expect(back.failure).toBeUndefined()
  expect(await columns()).toEqual(['id', 'status'])
  expect(await ledgerNames()).toEqual([])
})

test('if a condition after it fails, nothing is left, not even the ledger row', async () => {
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      ...addNote,
      imports: `import { columnsExist } from 'hundredfold'`,
      optimization: `{
        why: 'a note', rule: 'test', before: [],
        after: [columnsExist({ schema: 'public', name: 'bookings' }, ['notes'])],
      }`,
    }),
  })
  const { ran, failure } = await runUp(client, files.path)
  expect(ran).toEqual([])
  expect(failure?.exitCode).toBe(2)
  expect(failure?.message).toContain('expected notes, found no column notes')
  expect(await columns()).toEqual(['id', 'status'])
  expect(await ledgerNames()).toEqual([])
})

test('if a condition before it fails, nothing is run', async () => {
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      ...addNote,
      imports: `import { tableExists } from 'hundredfold'`,
      optimization: `{
        why: 'a note', rule: 'test', before: [tableExists({ schema: 'public', name: 'missing' })], after: [],
      }`,
    }),
  })
  const { failure } = await runUp(client, files.path)
  expect(failure?.exitCode).toBe(2)
  expect(failure?.message).toContain('table public.missing exists: expected a table, found no such table')
  expect(await columns()).toEqual(['id', 'status'])
})

test('a statement that fails rolls everything back', async () => {
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      up: [...addNote.up, 'ALTER TABLE public.bookings DROP nowhere'],
      down: addNote.down,
    }),
  })
  const { failure } = await runUp(client, files.path)
  expect(failure?.exitCode).toBe(1)
  expect(failure?.message).toContain('column "nowhere" of relation "bookings" does not exist')
  expect(failure?.next).toContain('names an object that this database does not have')
  expect(await columns()).toEqual(['id', 'status'])
  expect(await ledgerNames()).toEqual([])
})

test('a goal that somebody reached by hand is adopted, and left alone on the way down', async () => {
  await client.query('ALTER TABLE public.bookings SET (fillfactor = 90)')
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      up: ['ALTER TABLE public.bookings SET (fillfactor = 90)'],
      down: ['ALTER TABLE public.bookings RESET (fillfactor)'],
      imports: `import { storageParametersAre, storageParametersAreUnset } from 'hundredfold'
        const table = { schema: 'public', name: 'bookings' }`,
      optimization: `{
        why: 'HOT', rule: 'low_hot_ratio',
        before: [storageParametersAreUnset(table, ['fillfactor'])],
        after: [storageParametersAre(table, { fillfactor: '90' })],
      }`,
    }),
  })
  const applied = await runUp(client, files.path)
  expect(applied.ran).toMatchObject([{ adopted: true }])
  await runDown(client, files.path)
  const options = await client.query(
    `SELECT reloptions FROM pg_class WHERE oid = 'public.bookings'::regclass`,
  )
  expect(options.rows).toEqual([{ reloptions: ['fillfactor=90'] }])
})

test('while a lock is not granted, the whole transaction is tried again', async () => {
  const reader = await database.connect()
  await reader.query('BEGIN; SELECT FROM public.bookings')
  // Nobody knows which lock a DO block will ask for, so nobody can look who holds it.
  const hidden = { ...addNote, up: addNote.up.map((statement) => `DO 'BEGIN ${statement}; END'`) }
  await using files = await migrationDirectory({ [name]: sqlMigration(hidden) })
  let retries = 0
  let released: Promise<unknown> | undefined
  const { failure } = await runUp(client, files.path, {
    lockTimeoutMs: 100,
    onEvent: ({ kind }) => {
      if (kind === 'retrying' && (retries += 1) === 2) released = reader.query('COMMIT')
    },
  })
  await released
  await reader.end()
  expect(failure).toBeUndefined()
  expect(retries).toBeGreaterThanOrEqual(2)
  expect(await columns()).toEqual(['id', 'status', 'note'])
})

test('when the lock budget is spent it ends with 3 and nothing has changed', async () => {
  const reader = await database.connect()
  await reader.query('BEGIN; SELECT FROM public.bookings')
  await using files = await migrationDirectory({ [name]: sqlMigration(addNote) })
  const { failure } = await runUp(client, files.path, { lockTimeoutMs: 100, lockBudgetMs: 500 })
  await reader.query('COMMIT')
  await reader.end()
  expect(failure?.exitCode).toBe(3)
  expect(await columns()).toEqual(['id', 'status'])
  expect(await ledgerNames()).toEqual([])
})

describe('a slow condition that depends on rows', () => {
  const slow = (name: string) => `{
    description: 'rows agree (${name})', dependsOnData: true,
    async check(db: any) {
      await sql\`SELECT pg_catalog.pg_sleep(0.4)\`.execute(db)
      const { rows } = await sql<any>\`SELECT count(*)::int AS count FROM pg_catalog.pg_locks
        WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND mode = 'AccessExclusiveLock'\`.execute(db)
      return rows[0].count === 0 ? { holds: true } : { holds: false, expected: 'no lock', actual: 'a lock' }
    },
  }`
  const slowMigration = sqlMigration({
    ...addNote,
    imports: `import { sql } from 'hundredfold'`,
    optimization: `{ why: 'w', rule: 'r', before: [${slow('before')}], after: [] }`,
  })

  test('has a time limit of its own, and is checked before any strong lock is taken', async () => {
    await using files = await migrationDirectory({ [name]: slowMigration })
    const { ran, failure } = await runUp(client, files.path, { statementTimeoutMs: 200, lockTimeoutMs: 100 })
    expect(failure).toBeUndefined()
    expect(ran[0]?.conditions).toEqual([{ description: 'rows agree (before)', phase: 'before', holds: true }])
  })

  test('is not checked again while the transaction is tried again', async () => {
    await using files = await migrationDirectory({ [name]: slowMigration })
    const reader = await database.connect()
    await reader.query('BEGIN; SELECT FROM public.bookings')
    const asked: string[] = []
    const sent = client.query.bind(client) as (...args: unknown[]) => unknown
    const listening = new Proxy(client, {
      get: (target, property, receiver) =>
        property === 'query'
          ? (...args: [{ text?: string }]) => {
              if (args[0].text?.includes('pg_sleep')) asked.push(args[0].text)
              return sent(...args)
            }
          : (Reflect.get(target, property, receiver) as unknown),
    })
    const { failure } = await runUp(listening, files.path, { lockTimeoutMs: 50, lockBudgetMs: 600 })
    await reader.end()
    expect(failure?.exitCode).toBe(3)
    expect(asked).toHaveLength(1)
  })

  test('is not checked on the way down', async () => {
    await using files = await migrationDirectory({ [name]: slowMigration })
    await runUp(client, files.path)
    const { ran } = await runDown(client, files.path)
    expect(ran[0]?.conditions).toEqual([])
  })

  test('is named if it exceeds its time limit, and nothing has changed', async () => {
    await using files = await migrationDirectory({ [name]: slowMigration })
    const { failure } = await runUp(client, files.path, { conditionTimeoutMs: 100 })
    expect(failure?.message).toContain(
      'condition "rows agree (before)": canceling statement due to statement timeout',
    )
    expect(failure?.next).toContain('--condition-timeout')
    expect(await columns()).toEqual(['id', 'status'])
  })
})

test('a migration that ends the transaction in a hidden way is noticed, and not recorded', async () => {
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      ...addNote,
      up: [...addNote.up, `SELECT set_config('hundredfold.transaction', '', true)`],
    }),
  })
  const { failure } = await runUp(client, files.path)
  expect(failure?.exitCode).toBe(5)
  expect(failure?.message).toContain("ended the runner's transaction")
  expect(await columns()).toEqual(['id', 'status'])
  expect(await ledgerNames()).toEqual([])
})

test.each(['COMMIT', 'ROLLBACK', 'BEGIN', 'commit and chain', `/* x */ END`])(
  'a migration that says %s is refused before anything runs',
  async (statement) => {
    await using files = await migrationDirectory({
      [name]: sqlMigration({ up: [addNote.up[0] ?? '', statement], down: addNote.down }),
    })
    const { failure } = await runUp(client, files.path)
    expect(failure?.exitCode).toBe(5)
    expect(failure?.message).toContain('controls the transaction itself')
    expect(await columns()).toEqual(['id', 'status'])
  },
)

test.each([
  ['writes', `sql\`UPDATE public.bookings SET status = 'x'\`.execute(db)`, 'read-only transaction'],
  ['commits', `sql\`COMMIT\`.execute(db)`, 'may not control the transaction'],
  [
    'writes after a query in the same string',
    `sql\`SELECT 1; COMMIT\`.execute(db)`,
    'may not control the transaction',
  ],
  [
    'makes itself writable',
    `sql\`SET transaction_read_only = off\`.execute(db)`,
    'cannot set transaction read-write mode inside a read-only transaction',
  ],
])('a condition that %s fails', async (_, code, message) => {
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      ...addNote,
      imports: `import { sql } from 'hundredfold'`,
      optimization: `{ why: 'w', rule: 'r', before: [], after: [{
        description: 'a condition that does what it must not',
        async check(db: never) { await ${code}; return { holds: true } },
      }] }`,
    }),
  })
  const { failure } = await runUp(client, files.path)
  expect(failure?.exitCode).toBe(2)
  expect(failure?.message).toContain(message)
  expect(await columns()).toEqual(['id', 'status'])
})
