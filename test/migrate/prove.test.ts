import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { prove } from '../../src/migrate/prove.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { runDown, runUp } from './run.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE TABLE public.tight (id int) WITH (fillfactor = 80);
    CREATE TABLE public.loose (id int) WITH (fillfactor = 80);
    CREATE TABLE public.guarded (id int);
    ALTER TABLE public.guarded ENABLE ROW LEVEL SECURITY;
    CREATE POLICY "own rows" ON public.guarded TO PUBLIC USING (id = 1);
    CREATE TABLE public.searched (id int);
    CREATE INDEX searched_id_idx ON public.searched (id DESC);
    CREATE TABLE public.ordered (id int);
    CREATE INDEX ordered_id_idx ON public.ordered (id DESC);
    CREATE TABLE public.noted (id int)`)
})
afterAll(() => database.drop())

const series = {
  good: {
    up: ['ALTER TABLE public.tight SET (fillfactor = 90)'],
    down: ['ALTER TABLE public.tight SET (fillfactor = 80)'],
  },
  'storage-parameter': {
    up: ['ALTER TABLE public.loose SET (fillfactor = 90)'],
    down: ['ALTER TABLE public.loose RESET (fillfactor)'],
  },
  'policy-roles': {
    up: ['DROP POLICY "own rows" ON public.guarded'],
    down: ['CREATE POLICY "own rows" ON public.guarded TO CURRENT_USER USING (id = 1)'],
  },
  index: { up: ['DROP INDEX public.searched_id_idx'], down: ['SELECT 1'] },
  'index-order': {
    up: ['DROP INDEX public.ordered_id_idx'],
    down: ['CREATE INDEX ordered_id_idx ON public.ordered (id)'],
  },
  'failing-down': {
    up: ['ALTER TABLE public.noted ADD note text'],
    down: ['ALTER TABLE public.noted DROP notes'],
  },
}

test('a lossy down is caught, with the object and the property; a good one is proven', async () => {
  const files = Object.entries(series).map(([title, parts], index) => [
    `2026010${index}000000000_${title}.ts`,
    sqlMigration(parts),
  ])
  await using directory = await migrationDirectory(Object.fromEntries(files) as Record<string, string>)
  const { migrations } = await prove(await loadMigrations(directory.path), owner)
  const proofs = new Map(migrations.map((proof) => [proof.name.slice(18), proof]))
  expect(proofs.get('good')).toMatchObject({ reversible: true, proven: true })
  const lossy = {
    'storage-parameter': 'table public.loose: storage parameter fillfactor was 80, is unset',
    'policy-roles': 'policy "own rows" on public.guarded: roles were {public}, are {casaora_owner}',
    index: 'index public.searched_id_idx: is missing',
    'index-order': 'index public.ordered_id_idx: ',
  }
  for (const [title, sentence] of Object.entries(lossy)) {
    expect(proofs.get(title)).toMatchObject({ reversible: false, proven: true })
    expect(proofs.get(title)?.difference?.[0]).toContain(sentence)
  }
  const failing = proofs.get('failing-down')
  expect(failing).toMatchObject({ reversible: false, proven: false })
  expect(failing?.reason).toContain('column "notes" of relation "noted" does not exist')
})

test('applied migrations are taken back in the shadow first, and the database is not touched', async () => {
  await using files = await migrationDirectory({
    '20260101000000000_create-index.ts': sqlMigration({
      up: ['CREATE INDEX CONCURRENTLY noted_id_idx ON public.noted (id)'],
      down: ['DROP INDEX CONCURRENTLY public.noted_id_idx'],
      noTransaction: true,
    }),
  })
  await runUp(owner, files.path)
  const before = await readFingerprint(owner, { except: [] })
  const { migrations } = await prove(await loadMigrations(files.path), owner)
  expect(migrations).toEqual([{ name: '20260101000000000_create-index', reversible: true, proven: true }])
  expect((await readFingerprint(owner, { except: [] })).text).toBe(before.text)
  await runDown(owner, files.path)
})

test('a connection limit of one, or a migration that discards its session, does not prevent the proof', async () => {
  await owner.query(`ALTER DATABASE ${database.name} CONNECTION LIMIT 1`)
  await using files = await migrationDirectory({
    '20260101000000000_empty-session.ts': sqlMigration({
      up: ['DEALLOCATE ALL', 'ALTER TABLE public.tight SET (fillfactor = 90)'],
      down: ['DEALLOCATE ALL', 'ALTER TABLE public.tight RESET (fillfactor)'],
    }),
    '20260102000000000_discard-all.ts': sqlMigration({
      up: ['CREATE INDEX CONCURRENTLY noted_id_idx ON public.noted (id)', 'DISCARD ALL'],
      down: ['DROP INDEX CONCURRENTLY public.noted_id_idx', 'DISCARD ALL'],
      noTransaction: true,
    }),
  })
  const { migrations } = await prove(await loadMigrations(files.path), owner)
  expect(migrations).toMatchObject([
    { reversible: false, proven: true, difference: [expect.stringContaining('fillfactor was 80, is unset')] },
    { reversible: true, proven: true },
  ])
})
