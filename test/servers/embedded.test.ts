import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { EmbeddedServer } from '../../src/servers/embedded.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { Engine } from '../support/engines.ts'

describe('an embedded server', () => {
  let server: EmbeddedServer
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit'] as const
  const listeners = (): number[] => signals.map((signal) => process.listenerCount(signal))
  const listenersBefore = listeners()

  beforeAll(async () => {
    server = await startEmbedded({ settings: { work_mem: '7MB' } })
  })
  afterAll(() => server.stop())

  async function ask(sql: string): Promise<unknown> {
    const client = await connect(server.url())
    try {
      const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
      return rows[0]?.[0]
    } finally {
      await client.end()
    }
  }

  test('speaks UTF-8 in the C locale', async () => {
    expect(
      await ask(`SELECT pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database LIMIT 1`),
    ).toBe('UTF8 C')
  })

  test('listens on this machine only, and asks for the password', async () => {
    expect(await ask('SHOW listen_addresses')).toBe('127.0.0.1')
    const url = new URL(server.url())
    url.password = 'guessed'
    await expect(connect(url.href)).rejects.toThrow('refused the login')
  })

  test('takes settings on top of its own', async () => {
    expect(await ask('SHOW work_mem')).toBe('7MB')
    expect(await ask('SHOW shared_preload_libraries')).toBe('pg_stat_statements')
  })

  test('still has everything that was committed after a crash', async () => {
    const client = await connect(server.url())
    await client.query('CREATE TABLE kept AS SELECT 42 AS answer')
    await server.crash()
    await expect(client.query('SELECT 1')).rejects.toThrow()
    await expect(connect(server.url())).rejects.toThrow('refused')

    await server.restart()
    expect(await ask('SELECT answer FROM kept')).toBe(42)
  })

  test('restarts while it runs', async () => {
    const before = await ask('SELECT pg_postmaster_start_time()')
    await server.restart()
    expect(await ask('SELECT pg_postmaster_start_time()')).not.toEqual(before)
  })

  test('leaves the signals of the process alone', () => {
    expect(listeners()).toEqual(listenersBefore)
  })

  test('and its files are gone after stop, which may be called again', async () => {
    await server.stop()
    await server.stop()
    expect(existsSync(server.dataDirectory)).toBe(false)
    await expect(connect(server.url())).rejects.toThrow('refused')
  })
})

test('a server that does not start says why', async () => {
  await expect(startEmbedded({ settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
    /failed at pg_ctl: .*invalid value for parameter "shared_buffers"/,
  )
})

test('a version that is not installed: the error says what to do', async () => {
  await expect(startEmbedded({ version: 12 })).rejects.toMatchObject({
    message: 'There is no embedded PostgreSQL 12.',
    next: expect.stringContaining('TEST_DATABASE_URL') as string,
  })
})

describe.each([14, 15, 16, 17, 18])('PostgreSQL %i', (version) => {
  test.skipIf(version !== 18 && engineIsMissing(`postgres${version}` as Engine))(
    'lets an owner who is no superuser create and drop a trusted extension',
    async () => {
      const server = await startEmbedded({ version, trustedExtensions: ['pg_stat_statements'] })
      try {
        expect(server.version).toBe(version)
        const superuser = await connect(server.url())
        await superuser.query(`CREATE ROLE owner LOGIN PASSWORD 'secret'`)
        await superuser.query('CREATE DATABASE app OWNER owner')
        await superuser.end()

        const url = new URL(server.url('app'))
        url.username = 'owner'
        url.password = 'secret'
        const owner = await connect(url.href)
        await owner.query('CREATE SCHEMA extensions')
        await owner.query('CREATE EXTENSION pg_stat_statements SCHEMA extensions')
        await expect(owner.query('CREATE EXTENSION pgstattuple')).rejects.toThrow('permission denied')
        const { rows } = await owner.query('SELECT FROM extensions.pg_stat_statements LIMIT 1')
        expect(rows).toHaveLength(1)
        await owner.query('DROP EXTENSION pg_stat_statements')
        await owner.end()
      } finally {
        await server.stop()
      }
    },
  )
})
