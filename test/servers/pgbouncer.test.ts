import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'
import type { TestDatabase } from '../support/database.ts'
import { engineIsMissing } from '../support/engines.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import type { PgBouncer } from '../support/pgbouncer.ts'

describe.skipIf(engineIsMissing('pgbouncer')).each([
  { mode: 'session', auth: 'scram-sha-256' },
  { mode: 'transaction', auth: 'trust' },
] as const)('PgBouncer in $mode mode with $auth', ({ mode, auth }) => {
  let database: TestDatabase
  let pool: PgBouncer

  beforeAll(async () => {
    database = await createDatabase()
    const logins = [database.url, database.ownerUrl]
    pool = await startPgBouncer({
      mode,
      auth,
      logins,
      settings: { default_pool_size: '1', query_wait_timeout: '1' },
    })
  })
  afterAll(async () => {
    await pool.stop()
    await database.drop()
  })

  test('passes the owner through to the database', async () => {
    const owner = await database.connect(pool.url(database.ownerUrl))
    const { rows } = await owner.query('SELECT current_user AS user, current_database() AS database')
    expect(rows).toEqual([{ user: 'casaora_owner', database: database.name }])
    await owner.end()
  })

  test(
    mode === 'session' ? 'keeps a session to its client' : 'lends one session to many clients',
    async () => {
      const first = await database.connect(pool.url(database.url))
      const backend = async (): Promise<unknown> => {
        const { rows } = await first.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
        return rows[0]?.pid
      }
      const itsBackend = await backend()
      const second = await database.connect(pool.url(database.url)).catch(() => undefined)
      expect(second !== undefined).toBe(mode === 'transaction')
      expect(await backend()).toBe(itsBackend)
    },
  )

  test('lets the logins that it knows use its console', async () => {
    const { hostname, port, username, password } = new URL(pool.consoleUrl)
    const console = new Client({
      host: hostname,
      port: Number(port),
      user: username,
      password,
      database: 'pgbouncer',
    })
    await console.connect()
    const { rows } = await console.query<{ pool_mode: string }>('SHOW POOLS')
    expect(rows.map((row) => row.pool_mode)).toContain(mode)
    await console.end()
  })
})
