import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../../src/postgres/connect.ts'
import { checkpointsRequested } from '../../../src/rules/server/checkpointsRequested.ts'
import type { EmbeddedServer } from '../../../src/servers/embedded.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import { subjectsOf, settleCounters } from '../look.ts'

describe('checkpoints_requested', () => {
  let server: EmbeddedServer
  let superuser: Client

  beforeAll(async () => {
    server = await startEmbedded({ settings: { checkpoint_timeout: '1d' } })
    superuser = await connect(server.url())
  })
  afterAll(async () => {
    await superuser.end()
    await server.stop()
  })

  it('finds nothing on a quiet server, then checkpoints that come before checkpoint_timeout', async () => {
    expect(await subjectsOf(superuser, checkpointsRequested)).toEqual([])
    for (let count = 0; count < 10; count += 1) {
      await superuser.query(`SELECT pg_logical_emit_message(false, 'test', 'x')`)
      await superuser.query(`CHECKPOINT`)
    }
    await settleCounters(superuser)
    expect(await subjectsOf(superuser, checkpointsRequested)).toEqual(['max_wal_size'])
  })
})
