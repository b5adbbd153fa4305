import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { casaoraMigrations } from '../../src/bench/casaora/database.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const manifest = createRequire(import.meta.url).resolve('node-pg-migrate/package.json')
const stock = join(dirname(manifest), 'bin', 'node-pg-migrate.js')

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
})
afterAll(() => database.drop())

function run(args: string[]): Promise<{ exitCode: number | null; printed: string }> {
  const child = spawn(
    process.execPath,
    [stock, ...args, '-m', casaoraMigrations, '--migrations-schema', 'stock', '--create-migrations-schema'],
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
  const count = (await readdir(casaoraMigrations)).length

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
