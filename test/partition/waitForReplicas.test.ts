import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitForReplicas } from '../../src/partition/waitForReplicas.ts'
import { connect } from '../../src/postgres/connect.ts'
import type { EmbeddedServer } from '../../src/servers/embedded.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import { runUp } from '../migrate/run.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { seldomAutovacuum } from '../support/seldomAutovacuum.ts'
import { startSlowStandby } from '../support/slowStandby.ts'

let server: EmbeddedServer
let client: Client

beforeAll(async () => {
  server = await startEmbedded({ settings: seldomAutovacuum })
  client = await connect(server.url())
})
afterAll(async () => {
  await client.end()
  await server.stop()
})

const wait = `DO $$ DECLARE is_behind boolean; share double precision; looked timestamptz;
  BEGIN ${waitForReplicas}; END $$`

test('the way back waits while a replica is behind, says so, and goes on when it has caught up', async () => {
  const looker = await connect(server.url())
  const standby = await startSlowStandby(server.url(), 'the slow one')
  // More than 64 MB of log, and a transaction that has them written.
  await client.query(`SELECT pg_logical_emit_message(false, 'test', repeat('x', 70000000))`)
  await client.query('CREATE TABLE public.written ()')
  let isOver = false
  const said = new Promise<string | undefined>((resolve) =>
    client.once('notice', ({ message }) => resolve(message)),
  )
  const waiting = client.query(wait).then(() => (isOver = true))
  expect(await said).toBe('waiting for a replica that is behind')
  const held = await looker.query(
    `SELECT FROM pg_locks WHERE locktype = 'relation' AND pid <> pg_backend_pid()`,
  )
  expect(held.rowCount).toBe(0)
  expect(isOver).toBe(false)
  const { rows } = await looker.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn')
  standby.replay(rows[0]?.lsn ?? '')
  await waiting
  await standby.end()
  await client.query(wait)
  await looker.end()
})

test('a bound of 0 does not wait at all', async () => {
  const standby = await startSlowStandby(server.url(), 'the slow one')
  await client.query(`SELECT pg_logical_emit_message(false, 'test', repeat('x', 70000000))`)
  await client.query('CREATE TABLE public.written_again ()')
  const said: (string | undefined)[] = []
  client.on('notice', ({ message }) => said.push(message))
  await using files = await migrationDirectory({
    '20260101000000000_wait.ts': sqlMigration({
      up: [
        `CREATE PROCEDURE public.wait() LANGUAGE plpgsql AS $$ DECLARE is_behind boolean; share double precision;
        looked timestamptz; BEGIN ${waitForReplicas}; END $$`,
        'CALL public.wait()',
      ],
      down: ['DROP PROCEDURE public.wait()'],
      noTransaction: true,
    }),
  })
  expect((await runUp(client, files.path, { maxReplicaLagMs: 0 })).failure).toBeUndefined()
  expect(said).not.toContain('waiting for a replica that is behind')
  await standby.end()
})
