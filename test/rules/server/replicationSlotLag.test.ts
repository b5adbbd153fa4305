import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../../src/postgres/connect.ts'
import { replicationSlotLag } from '../../../src/rules/server/replicationSlotLag.ts'
import type { EmbeddedServer } from '../../../src/servers/embedded.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import { findingAbout, subjectsOf } from '../look.ts'

describe('replication_slot_lag', () => {
  let server: EmbeddedServer
  let superuser: Client

  beforeAll(async () => {
    server = await startEmbedded({ settings: { wal_level: 'logical' } })
    superuser = await connect(server.url())
  })
  afterAll(async () => {
    await superuser.end()
    await server.stop()
  })

  it('finds a slot that nobody reads from and that keeps WAL, and no new one', async () => {
    await superuser.query(`SELECT pg_create_physical_replication_slot('bad_physical', true)`)
    await superuser.query(`SELECT pg_create_logical_replication_slot('bad_logical', 'pgoutput')`)
    await superuser.query(`SELECT pg_create_physical_replication_slot('good_unused')`)
    expect(await subjectsOf(superuser, replicationSlotLag)).toEqual([])
    for (let segment = 0; segment < 6; segment += 1) {
      await superuser.query(`SELECT pg_logical_emit_message(false, 'test', 'x')`)
      await superuser.query(`SELECT pg_switch_wal()`)
    }
    await superuser.query(`SELECT pg_create_logical_replication_slot('good_new', 'pgoutput')`)
    expect(await subjectsOf(superuser, replicationSlotLag)).toEqual(['bad_logical', 'bad_physical'])
  })

  it('calls a slot whose WAL is gone an error', async () => {
    await superuser.query(`ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'`)
    await superuser.query(`SELECT pg_reload_conf()`)
    // The checkpointer may read its settings anew only after the first checkpoint, so ask again until it has.
    await expect
      .poll(
        async () => {
          await superuser.query(`SELECT pg_switch_wal()`)
          await superuser.query(`CHECKPOINT`)
          return (await findingAbout(superuser, replicationSlotLag, 'bad_physical')).level
        },
        { timeout: 20_000 },
      )
      .toBe('error')
  })
})
