import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listHorizonHolders } from '../../src/catalog/xminHorizon.ts'
import { findHorizon } from '../../src/metrics/horizon.ts'
import { connect } from '../../src/postgres/connect.ts'
import { borrow } from '../../src/postgres/database.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { startSlowStandby } from '../support/slowStandby.ts'

let server: Server
let client: Client

beforeAll(async () => {
  server = await startEmbedded({
    settings: { max_prepared_transactions: '2', wal_level: 'logical', autovacuum: 'off' },
  })
  client = await connect(server.url())
  await client.query('CREATE TABLE public.t (id int)')
})
afterAll(async () => {
  await client.end()
  await server.stop()
})

const look = async () => findHorizon(await listHorizonHolders(borrow(client)))

async function burn(transactions: number): Promise<void> {
  for (let count = 0; count < transactions; count += 1) await client.query('INSERT INTO public.t VALUES (1)')
}

test('nothing holds VACUUM back', async () => {
  expect(await look()).toBeUndefined()
})

test('the oldest one is named, and how much ending it would bring', async () => {
  await client.query(`BEGIN; INSERT INTO public.t VALUES (2); PREPARE TRANSACTION 'forgotten'`)
  await burn(20)
  const reader = await connect(server.url(), { applicationName: 'report' })
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM public.t')
  await burn(5)
  expect(await look()).toMatchObject({
    holder: { kind: 'prepared transaction', name: 'forgotten', age: 26 },
    // The reader's snapshot begins where the prepared transaction does.
    next: { kind: 'session', application: 'report' },
  })
  await client.query(`ROLLBACK PREPARED 'forgotten'`)
  expect(await look()).toMatchObject({ holder: { kind: 'session', application: 'report' }, next: undefined })
  await reader.end()
})

test('a logical slot keeps catalog rows, and no rows of tables', async () => {
  await client.query(`SELECT pg_create_logical_replication_slot('search', 'test_decoding')`)
  await burn(3)
  const holders = await listHorizonHolders(borrow(client))
  expect(holders).toMatchObject([{ kind: 'slot', name: 'search', keepsUserRows: false, state: 'not in use' }])
  expect(findHorizon(holders)).toBeUndefined()
  await client.query(`SELECT pg_drop_replication_slot('search')`)
})

test('a standby whose queries need old rows is named', async () => {
  const { rows } = await client.query<{ xmin: string }>('SELECT txid_current() AS xmin')
  const standby = await startSlowStandby(server.url(), 'reporting')
  standby.needRowsSince(Number(rows[0]?.xmin))
  await burn(4)
  await expect.poll(look).toMatchObject({ holder: { kind: 'standby', name: 'reporting', database: null } })
  await standby.end()
})
