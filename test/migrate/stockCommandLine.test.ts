import { execFile, spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { casaoraMigrations } from '../../src/bench/casaora/database.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { batchedMigration, migrationDirectory } from '../support/migrationFiles.ts'

const manifest = createRequire(import.meta.url).resolve('node-pg-migrate/package.json')
const stock = join(dirname(manifest), 'bin', 'node-pg-migrate.js')

const root = fileURLToPath(new URL('../../', import.meta.url))

let database: TestDatabase

beforeAll(async () => {
  // The stock command line imports the compiled `hundredfold`.
  await promisify(execFile)(process.execPath, [join(root, 'scripts', 'build.mjs')])
  database = await createDatabase({ from: 'casaora' })
})
afterAll(() => database.drop())

function run(
  args: string[],
  directory = casaoraMigrations,
): Promise<{ exitCode: number | null; printed: string }> {
  const child = spawn(
    process.execPath,
    [stock, ...args, '-m', directory, '--migrations-schema', 'stock', '--create-migrations-schema'],
    {
      env: { PATH: process.env['PATH'], DATABASE_URL: database.ownerUrl },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  return new Promise((resolve) => child.on('close', (exitCode) => resolve({ exitCode, printed })))
}

test('the stock node-pg-migrate command line runs the same files up and down', async () => {
  const client = await database.connect()
  const before = await readFingerprint(client, { except: ['stock'] })
  const entries = await readdir(casaoraMigrations, { withFileTypes: true })
  // The partitions are a folder of their own.
  const count = entries.filter((entry) => entry.isFile()).length

  const up = await run(['up'])
  expect(up.printed).toContain('Migrations complete!')
  expect(up.exitCode).toBe(0)
  const applied = await client.query(`SELECT count(*)::int AS count FROM stock.pgmigrations`)
  expect(applied.rows).toEqual([{ count }])

  const down = await run(['down', String(count)])
  expect(down.exitCode).toBe(0)
  const after = await readFingerprint(client, { except: ['stock'] })
  expect(after.text).toBe(before.text)
})

test('it runs a statement of batched() in one piece', async () => {
  const client = await database.connect(database.ownerUrl)
  await client.query(
    'CREATE TABLE public.jobs (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, made_by xid8); INSERT INTO public.jobs SELECT generate_series(1, 1000)',
  )
  const table = { schema: 'public', name: 'jobs' }
  const set = (value: string) => ({
    table,
    key: ['id'],
    sql: `UPDATE public.jobs SET n = n + ${value}, made_by = pg_current_xact_id() WHERE {batch}`,
  })
  // Stock node-pg-migrate finds `hundredfold` where Node does: from a folder inside of the package.
  await using files = await migrationDirectory({}, root)
  await files.write('20260101000000000_count.ts', batchedMigration({ up: [set('1')], down: [set('-1')] }))
  const counted = async () =>
    (
      await client.query(
        'SELECT n, count(*)::int AS rows, count(DISTINCT made_by)::int AS transactions FROM public.jobs GROUP BY n',
      )
    ).rows as unknown[]
  const up = await run(['up', '--migrations-table', 'batched'], files.path)
  expect(up.printed).toContain('Migrations complete!')
  expect(await counted()).toEqual([{ n: 1, rows: 1000, transactions: 1 }])
  const down = await run(['down', '--migrations-table', 'batched'], files.path)
  expect(down.exitCode).toBe(0)
  expect(await counted()).toEqual([{ n: 0, rows: 1000, transactions: 1 }])
  await client.query('DROP TABLE public.jobs')
})
