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
  await client.query(
    'DROP SCHEMA IF EXISTS hundredfold CASCADE; DROP TABLE IF EXISTS public.bookings; DROP TABLE IF EXISTS public.notes',
  )
  await client.query(
    'CREATE TABLE public.bookings (id int, status text); INSERT INTO public.bookings VALUES (1), (1)',
  )
  return () => client.end()
})
afterAll(() => database.drop())

const name = '20260101000000000_create-index.ts'
const create = 'CREATE INDEX CONCURRENTLY bookings_status_idx ON public.bookings (status)'
const drop = 'DROP INDEX CONCURRENTLY public.bookings_status_idx'
const imports = `import { indexIsAbsent, indexIsValid, columnsExist } from 'hundredfold'
  const index = { schema: 'public', name: 'bookings_status_idx' }`
const optimization = `{ why: 'w', rule: 'missing_index', before: [indexIsAbsent(index)], after: [indexIsValid(index)] }`
const createIndex = sqlMigration({ up: [create], down: [drop], noTransaction: true, imports, optimization })

async function indexes(): Promise<{ name: string; valid: boolean }[]> {
  const result = await client.query<{ name: string; valid: boolean }>(
    `SELECT indexrelid::regclass::text AS name, indisvalid AS valid FROM pg_index
     WHERE indrelid = 'public.bookings'::regclass ORDER BY 1`,
  )
  return result.rows
}

async function ledger(): Promise<unknown[]> {
  const result = await client.query(
    `SELECT name, state, adopted FROM hundredfold.migrations ORDER BY position`,
  )
  return result.rows
}

/** Leaves what a build that failed in the middle leaves: an index that is not valid. */
async function leaveInvalidIndex(): Promise<void> {
  await client
    .query(`CREATE UNIQUE INDEX CONCURRENTLY bookings_status_idx ON public.bookings (id)`)
    .catch(() => undefined)
  expect(await indexes()).toEqual([{ name: 'bookings_status_idx', valid: false }])
}

test('an index is built concurrently and dropped again', async () => {
  await using files = await migrationDirectory({ [name]: createIndex })
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await indexes()).toEqual([{ name: 'bookings_status_idx', valid: true }])
  expect(await ledger()).toEqual([
    { name: '20260101000000000_create-index', state: 'applied', adopted: false },
  ])
  expect((await runDown(client, files.path)).failure).toBeUndefined()
  expect(await indexes()).toEqual([])
  expect(await ledger()).toEqual([])
})

test('if a condition after a concurrent build fails, the index is dropped again', async () => {
  const failing = optimization.replace(
    'indexIsValid(index)',
    `columnsExist({ schema: 'public', name: 'bookings' }, ['nowhere'])`,
  )
  await using files = await migrationDirectory({
    [name]: sqlMigration({ up: [create], down: [drop], noTransaction: true, imports, optimization: failing }),
  })
  const { failure } = await runUp(client, files.path)
  expect(failure?.exitCode).toBe(2)
  expect(failure?.message).toContain('What it had made was taken back.')
  expect(await indexes()).toEqual([])
  expect(await ledger()).toEqual([])
})

test('a build that fails leaves no invalid index', async () => {
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      up: ['CREATE UNIQUE INDEX CONCURRENTLY bookings_status_idx ON public.bookings (id)'],
      down: [drop],
      noTransaction: true,
    }),
  })
  const { failure } = await runUp(client, files.path)
  expect(failure?.exitCode).toBe(1)
  expect(failure?.message).toContain('could not create unique index')
  expect(await indexes()).toEqual([])
  expect(await ledger()).toEqual([])
})

test.each([
  '[{"kind": "indexBuild", "schema": "public", "name": "bookings_status_idx"}]',
  // As rows have it that were written before there were kinds.
  '{"created": [{"schema": "public", "name": "bookings_status_idx"}], "dropped": [], "made": []}',
])('the invalid index of an interrupted run is dropped and built anew: %s', async (undo) => {
  await using files = await migrationDirectory({ [name]: createIndex })
  await runUp(client, files.path)
  await client.query('DROP INDEX public.bookings_status_idx')
  await leaveInvalidIndex()
  await client.query(`UPDATE hundredfold.migrations SET state = 'applying', undo = $1`, [undo])
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await indexes()).toEqual([{ name: 'bookings_status_idx', valid: true }])
})

test('if the index of an interrupted run was finished meanwhile, it is only recorded', async () => {
  await using files = await migrationDirectory({ [name]: createIndex })
  await runUp(client, files.path)
  await client.query(`UPDATE hundredfold.migrations SET state = 'applying'`)
  const before = await client.query(`SELECT 'public.bookings_status_idx'::regclass::oid AS oid`)
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  const after = await client.query(`SELECT 'public.bookings_status_idx'::regclass::oid AS oid`)
  expect(after.rows).toEqual(before.rows)
  expect(await ledger()).toMatchObject([{ state: 'applied' }])
})

test('an interrupted run is taken back by down', async () => {
  await using files = await migrationDirectory({ [name]: createIndex })
  await runUp(client, files.path)
  await client.query('DROP INDEX public.bookings_status_idx')
  await client.query(`UPDATE hundredfold.migrations SET state = 'applying'`)
  expect((await runDown(client, files.path)).failure).toBeUndefined()
  expect(await indexes()).toEqual([])
  expect(await ledger()).toEqual([])
})

test('an invalid index that another tool left is repaired, and adopted', async () => {
  await client.query('DELETE FROM public.bookings')
  await client.query(create)
  await client.query(
    `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.bookings_status_idx'::regclass`,
  )
  await using files = await migrationDirectory({ [name]: createIndex })
  const { ran, failure } = await runUp(client, files.path)
  expect(failure).toBeUndefined()
  expect(ran).toMatchObject([{ adopted: true }])
  expect(await indexes()).toEqual([{ name: 'bookings_status_idx', valid: true }])
})

test('a foreign index of the same name and another definition is never dropped', async () => {
  await client.query('CREATE INDEX bookings_status_idx ON public.bookings (id)')
  await using files = await migrationDirectory({
    [name]: sqlMigration({ up: [create], down: [drop], noTransaction: true }),
  })
  const { failure } = await runUp(client, files.path)
  expect(failure?.exitCode).toBe(2)
  expect(failure?.message).toContain('USING btree (id)')
  expect(await indexes()).toEqual([{ name: 'bookings_status_idx', valid: true }])
})

const made = `{"schema": "public", "name": "bookings_status_idx",
  "definition": "CREATE INDEX bookings_status_idx ON public.bookings USING btree (status)"}`

test.each([
  ['as up left the row', 'undo'],
  ['in a row from before there were kinds', `'{"created": [], "dropped": [], "made": [${made}]}'`],
])('down does not drop an index that somebody replaced under the same name: %s', async (_, undo) => {
  await using files = await migrationDirectory({ [name]: createIndex })
  await runUp(client, files.path)
  await client.query(`UPDATE hundredfold.migrations SET undo = ${undo}`)
  await client.query('DROP INDEX public.bookings_status_idx')
  await client.query('CREATE INDEX bookings_status_idx ON public.bookings (id)')
  const { failure } = await runDown(client, files.path)
  expect(failure?.exitCode).toBe(2)
  expect(await indexes()).toEqual([{ name: 'bookings_status_idx', valid: true }])
  expect(await ledger()).toMatchObject([{ state: 'applied' }])
})

test('an index that a migration dropped is built again when a condition fails', async () => {
  await client.query('CREATE INDEX bookings_status_idx ON public.bookings (status)')
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      up: [drop],
      down: [create],
      noTransaction: true,
      imports,
      optimization: `{ why: 'w', rule: 'r', before: [indexIsValid(index)], after: [indexIsValid(index)] }`,
    }),
  })
  const { failure } = await runUp(client, files.path)
  expect(failure?.exitCode).toBe(2)
  expect(await indexes()).toEqual([{ name: 'bookings_status_idx', valid: true }])
  expect(await ledger()).toEqual([])
})

test('indexes that were built are dropped before dropped ones are built again', async () => {
  await client.query('CREATE INDEX old_id_idx ON public.bookings (id)')
  await client.query('CREATE INDEX old_status_idx ON public.bookings (status)')
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      up: [
        'CREATE INDEX CONCURRENTLY new_id_idx ON public.bookings (id)',
        'DROP INDEX CONCURRENTLY public.old_id_idx',
        'CREATE INDEX CONCURRENTLY new_status_idx ON public.bookings (status)',
        'DROP INDEX CONCURRENTLY public.old_status_idx',
      ],
      down: [],
      noTransaction: true,
      imports,
      optimization: `{ why: 'w', rule: 'r', before: [], after: [indexIsValid(index)] }`,
    }),
  })
  const undone: string[] = []
  const { failure } = await runUp(client, files.path, {
    onEvent: (event) => event.kind === 'undoing' && undone.push(event.what),
  })
  expect(failure?.exitCode).toBe(2)
  expect(undone).toEqual([
    'dropping index public.new_id_idx',
    'dropping index public.new_status_idx',
    'building index public.old_id_idx again',
    'building index public.old_status_idx again',
  ])
  expect(await indexes()).toEqual([
    { name: 'old_id_idx', valid: true },
    { name: 'old_status_idx', valid: true },
  ])
})

test('statements that can run in a transaction are committed together with their mark', async () => {
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      up: [
        'CREATE TABLE public.notes (id int)',
        create,
        'ALTER TABLE public.notes ADD nowhere public.missing_type',
      ],
      down: [drop, 'DROP TABLE public.notes'],
      noTransaction: true,
    }),
  })
  const { failure } = await runUp(client, files.path)
  expect(failure?.message).toContain('`migrate up` goes on from there')
  expect(await ledger()).toMatchObject([{ state: 'applying' }])
  // What stopped it is mended outside the file: the type exists now.
  await client.query('CREATE DOMAIN public.missing_type AS text')
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await ledger()).toMatchObject([{ state: 'applied' }])
  expect((await runDown(client, files.path)).failure).toBeUndefined()
  await client.query('DROP DOMAIN public.missing_type')
})

test('a long validation and a concurrent refresh have the time of a build, not of a statement', async () => {
  await client.query(`
    DROP MATERIALIZED VIEW IF EXISTS public.ids; DROP FUNCTION IF EXISTS public.takes_long(int);
    CREATE FUNCTION public.takes_long(id int) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('my.is_slow', true) = 'on' THEN PERFORM pg_sleep(1.1); END IF;
      RETURN true;
    END $$;
    CREATE TABLE public.notes (id int); INSERT INTO public.notes VALUES (1), (2);
    CREATE MATERIALIZED VIEW public.ids AS SELECT id FROM public.notes WHERE public.takes_long(id);
    CREATE UNIQUE INDEX ON public.ids (id);
    SET my.is_slow = 'on'`)
  await using files = await migrationDirectory({
    [name]: sqlMigration({
      up: [
        'ALTER TABLE public.notes ADD CONSTRAINT slow CHECK (public.takes_long(id)) NOT VALID',
        'ALTER TABLE public.notes VALIDATE CONSTRAINT slow',
        'REFRESH MATERIALIZED VIEW CONCURRENTLY public.ids',
      ],
      down: [],
      noTransaction: true,
    }),
  })
  // Each of the two takes more than 2 s.
  expect((await runUp(client, files.path, { statementTimeoutMs: 2_000 })).failure).toBeUndefined()
  const { rows } = await client.query(`SELECT convalidated FROM pg_constraint WHERE conname = 'slow'`)
  expect(rows).toEqual([{ convalidated: true }])
  const short = { statementTimeoutMs: 60_000, buildTimeoutMs: 2_000 }
  await client.query('ALTER TABLE public.notes DROP CONSTRAINT slow; DROP SCHEMA hundredfold CASCADE')
  expect((await runUp(client, files.path, short)).failure?.message).toContain('statement timeout')
  await client.query('DROP MATERIALIZED VIEW public.ids')
})

/** Moves the rows in pieces and commits each; what was moved before is not moved again. */
const backfill = `CREATE PROCEDURE public.backfill(stop_at int) LANGUAGE plpgsql AS $$
  BEGIN
    FOR number IN 1..4 LOOP
      IF number = stop_at THEN RAISE 'stopped'; END IF;
      INSERT INTO public.notes VALUES (number) ON CONFLICT DO NOTHING;
      COMMIT;
    END LOOP;
  END $$`

describe('a procedure that commits', () => {
  beforeEach(async () => {
    await client.query('DROP PROCEDURE IF EXISTS public.backfill(int)')
    await client.query('CREATE TABLE public.notes (id int PRIMARY KEY)')
    await client.query(backfill)
  })

  async function notes(): Promise<number[]> {
    const { rows } = await client.query<{ id: number }>('SELECT id FROM public.notes ORDER BY id')
    return rows.map(({ id }) => id)
  }

  test('is called outside of a transaction', async () => {
    await using files = await migrationDirectory({
      [name]: sqlMigration({
        up: ['CALL public.backfill(0)'],
        down: ['TRUNCATE public.notes'],
        noTransaction: true,
      }),
    })
    expect((await runUp(client, files.path)).failure).toBeUndefined()
    expect(await notes()).toEqual([1, 2, 3, 4])
    expect((await runDown(client, files.path)).failure).toBeUndefined()
    expect(await notes()).toEqual([])
  })

  test('is called again if it was cut off, and what it committed stays', async () => {
    await using files = await migrationDirectory({
      [name]: sqlMigration({
        up: ['CALL public.backfill(coalesce(current_setting($$my.stop$$, true), $$0$$)::int)'],
        down: ['TRUNCATE public.notes'],
        noTransaction: true,
      }),
    })
    await client.query(`SET my.stop = '3'`)
    expect((await runUp(client, files.path)).failure?.message).toBe(
      `${name.slice(0, -3)} (up): stopped. Statements that are committed stay: \`migrate up\` goes on from there.`,
    )
    expect(await notes()).toEqual([1, 2])
    await client.query(`SET my.stop = '0'`)
    expect((await runUp(client, files.path)).failure).toBeUndefined()
    expect(await notes()).toEqual([1, 2, 3, 4])
  })

  test('is refused in a transaction, with what to do', async () => {
    await using files = await migrationDirectory({
      [name]: sqlMigration({ up: ['CALL public.backfill(0)'], down: ['TRUNCATE public.notes'] }),
    })
    const { failure } = await runUp(client, files.path)
    expect(failure).toMatchObject({
      message: expect.stringContaining('invalid transaction termination. Nothing was changed.') as string,
      next: expect.stringContaining('pgm.noTransaction()') as string,
    })
    expect(await notes()).toEqual([])
  })
})

test('a concurrent statement in a string with others is refused', async () => {
  await using files = await migrationDirectory({
    [name]: sqlMigration({ up: [`${create}; ANALYZE public.bookings`], down: [drop], noTransaction: true }),
  })
  const { failure } = await runUp(client, files.path)
  expect(failure?.exitCode).toBe(5)
  expect(failure?.message).toContain('mixes a statement that cannot run in a transaction')
  expect(await indexes()).toEqual([])
})

test('a concurrent statement without pgm.noTransaction() is refused', async () => {
  await using files = await migrationDirectory({ [name]: sqlMigration({ up: [create], down: [drop] }) })
  const { failure } = await runUp(client, files.path)
  expect(failure?.exitCode).toBe(5)
  expect(failure?.next).toContain('pgm.noTransaction()')
})
