import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { approve, readApprovals, readState } from '../../src/migrate/approvals.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { runDown, runUp } from './run.ts'

let database: TestDatabase
let owner: Client
let files: MigrationDirectory

const table = '20260101000000000_create-tools'
const index = '20260102000000000_create-tools-name-idx'
const column = '20260103000000000_add-tools-color'

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  const superuser = await database.connect()
  await superuser.query('GRANT CREATE ON SCHEMA public TO casaora_owner')
  owner = await database.connect(database.ownerUrl)
})
afterAll(() => database.drop())

beforeEach(async () => {
  files = await migrationDirectory({
    [`${table}.ts`]: sqlMigration({
      up: ['CREATE TABLE public.tools (name text)'],
      down: ['DROP TABLE public.tools'],
    }),
    [`${index}.ts`]: sqlMigration({
      up: ['CREATE INDEX CONCURRENTLY tools_name_idx ON public.tools (name)'],
      down: ['DROP INDEX CONCURRENTLY public.tools_name_idx'],
      noTransaction: true,
    }),
    [`${column}.ts`]: sqlMigration({
      up: ['ALTER TABLE public.tools ADD color text'],
      down: ['ALTER TABLE public.tools DROP color'],
    }),
  })
})
afterEach(async () => {
  await files[Symbol.asyncDispose]()
  await owner.query('DROP SCHEMA IF EXISTS hundredfold, other CASCADE; DROP TABLE IF EXISTS public.tools')
})

const approvedUp = (count?: number) =>
  runUp(owner, files.path, { approvedOnly: true, ...(count ? { count } : {}) })

const approveFirst = async (count: number): Promise<void> => {
  const migrations = await loadMigrations(files.path)
  await approve(owner, migrations.slice(0, count), await readState(owner))
}

function command(...args: string[]) {
  return callCommand(['migrate', ...args, '--dir', files.path], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
}

test('a plan that was approved runs, as often as it is taken back', async () => {
  const planned = await command('plan', '--approve', '--yes')
  expect(planned).toMatchObject({ exitCode: 0 })
  expect(planned.out).toContain(`Approved: ${table}, ${index}, ${column}.`)
  expect((await readApprovals(owner)).get(index)).toMatchObject({ approvedBy: 'casaora_owner' })
  expect(await command('up', '--approved-only')).toMatchObject({ exitCode: 0 })
  await runDown(owner, files.path, { count: 2 })
  expect((await approvedUp(1)).failure).toBeUndefined()
  expect((await approvedUp()).failure).toBeUndefined()
  await runDown(owner, files.path)
  expect((await approvedUp()).failure).toBeUndefined()
})

test('without a yes nothing is approved', async () => {
  const planned = await command('plan', '--approve', '--json', '-')
  expect(planned.exitCode).toBe(5)
  expect(await readApprovals(owner)).toEqual(new Map())
})

test('what nobody has approved is refused, and nothing before it runs', async () => {
  await approveFirst(2)
  const refused = await command('up', '--approved-only')
  expect(refused).toMatchObject({ exitCode: 2 })
  expect(refused.err).toContain(`Nobody has approved ${column}.`)
  expect(refused.err).toContain('migrate plan --approve')
  expect((await owner.query(`SELECT to_regclass('public.tools') AS made`)).rows).toEqual([{ made: null }])
  expect((await approvedUp(2)).ran).toHaveLength(2)
})

test('a file that has changed since is refused', async () => {
  await approveFirst(3)
  await appendFile(join(files.path, `${index}.ts`), '// Changed.\n')
  const refused = await command('up', '--approved-only')
  expect(refused).toMatchObject({ exitCode: 4 })
  expect(refused.err).toContain(`Changed since they were approved: ${index}.`)
})

test('a schema that has changed since is refused, before and between migrations', async () => {
  await approveFirst(3)
  await owner.query('CREATE TABLE public.other (id int)')
  expect((await approvedUp()).failure).toMatchObject({
    exitCode: 4,
    message: `The schema of the database has changed since somebody approved ${table}.`,
  })
  await owner.query('DROP TABLE public.other')
  expect((await approvedUp(1)).failure).toBeUndefined()
  await owner.query('ALTER TABLE public.tools ADD weight int')
  expect((await approvedUp()).failure).toMatchObject({ exitCode: 4 })
  await owner.query('ALTER TABLE public.tools DROP weight')
  expect((await approvedUp()).ran).toHaveLength(2)
})

test('a migration that a run was killed in the middle of goes on, and the next one after it', async () => {
  await approveFirst(3)
  expect((await approvedUp(1)).failure).toBeUndefined()
  const [, migration] = await loadMigrations(files.path)
  await owner.query('CREATE INDEX tools_name_idx ON public.tools (name)')
  await owner.query(
    `INSERT INTO hundredfold.migrations (name, checksum, state, undo) VALUES ($1, $2, 'applying', $3)`,
    [
      index,
      migration?.checksum,
      JSON.stringify([{ kind: 'indexBuild', schema: 'public', name: 'tools_name_idx' }]),
    ],
  )
  const { failure, ran } = await approvedUp()
  expect(failure?.message).toBeUndefined()
  expect(ran.map(({ name }) => name)).toEqual([index, column])
})

test('approving again takes the place of an older approval', async () => {
  await approveFirst(3)
  await appendFile(join(files.path, `${index}.ts`), '// Changed.\n')
  await approveFirst(3)
  expect((await approvedUp()).ran).toHaveLength(3)
})
