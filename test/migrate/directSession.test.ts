import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { findRoute } from '../../src/migrate/directSession.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import { runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import type { PgBouncerOptions } from '../support/pgbouncer.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'

let database: TestDatabase
let files: MigrationDirectory

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  files = await migrationDirectory({
    '20260101000000000_create-notes.ts': sqlMigration({
      up: ['CREATE TABLE public.notes (id int)'],
      down: ['DROP TABLE public.notes'],
    }),
  })
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await database.drop()
})

async function routeThrough(url: string) {
  const client = await connect(url)
  try {
    return await findRoute(client, () => connect(url, { connectTimeoutMs: 2_000, answerTimeoutMs: 2_000 }))
  } finally {
    await client.end()
  }
}

test('a direct connection is recognised as one', async () => {
  expect(await routeThrough(database.ownerUrl)).toBe('direct')
})

describe.skipIf(engineIsMissing('pgbouncer'))('behind PgBouncer', () => {
  async function withPool<T>(
    options: Pick<PgBouncerOptions, 'mode' | 'settings'>,
    work: (url: string) => Promise<T>,
  ): Promise<T> {
    const pool = await startPgBouncer({ ...options, logins: [database.ownerUrl] })
    try {
      return await work(pool.url(database.ownerUrl))
    } finally {
      await pool.stop()
    }
  }

  test.each([
    ['of the usual size', {}],
    ['of one connection', { default_pool_size: '1' }],
    ['that uses its connections in turn', { server_round_robin: '1', min_pool_size: '5' }],
  ])('transaction mode is recognised in a pool %s', async (_, settings) => {
    expect(await withPool({ mode: 'transaction', settings }, routeThrough)).toBe('transaction pooler')
  })

  test.each([
    ['of the usual size', {}],
    ['of one connection', { default_pool_size: '1' }],
  ])('session mode is recognised in a pool %s', async (_, settings) => {
    expect(await withPool({ mode: 'session', settings }, routeThrough)).toBe('session pooler')
  })

  test('migrations are refused with 5 in transaction mode, and nothing is run', async () => {
    const result = await withPool({ mode: 'transaction' }, (url) =>
      runCommand(['migrate', 'up', '--dir', files.path], { environment: { DIRECT_URL: url } }),
    )
    expect(result.exitCode).toBe(5)
    expect(result.err).toContain('a pooler in transaction mode')
    expect(result.err).toContain('Set DIRECT_URL')
    const client = await database.connect()
    const made = await client.query(
      `SELECT to_regclass('public.notes') AS notes, to_regnamespace('hundredfold') AS ledger`,
    )
    expect(made.rows).toEqual([{ notes: null, ledger: null }])
  })

  test('migrations run in session mode', async () => {
    await withPool({ mode: 'session' }, async (url) => {
      const up = await runCommand(['migrate', 'up', '--dir', files.path], {
        environment: { DIRECT_URL: url },
      })
      expect(up).toMatchObject({ exitCode: 0 })
      const down = await runCommand(['migrate', 'down', '--dir', files.path], {
        environment: { DIRECT_URL: url },
      })
      expect(down).toMatchObject({ exitCode: 0 })
    })
  })
})

test('a standby is refused with 5', async () => {
  const server = await startEmbedded()
  try {
    await server.crash()
    // A server that finds this file recovers and then waits for more from a primary: a standby.
    await writeFile(join(server.dataDirectory, 'standby.signal'), '')
    await server.restart()
    const result = await runCommand(['migrate', 'up', '--dir', files.path], {
      environment: { DIRECT_URL: server.url() },
    })
    expect(result.exitCode).toBe(5)
    expect(result.err).toContain('This server is a standby')
  } finally {
    await server.stop()
  }
})
