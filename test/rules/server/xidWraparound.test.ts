import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../../src/postgres/connect.ts'
import { xidWraparound } from '../../../src/rules/server/xidWraparound.ts'
import type { EmbeddedServer } from '../../../src/servers/embedded.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import { findingAbout, subjectsOf } from '../look.ts'

describe('xid_wraparound', () => {
  let server: EmbeddedServer
  let superuser: Client

  beforeAll(async () => {
    server = await startEmbedded({ settings: { autovacuum_freeze_max_age: '100000', autovacuum: 'off' } })
    superuser = await connect(server.url())
  })
  afterAll(async () => {
    await superuser.end()
    await server.stop()
  })

  it('finds a database where an old snapshot keeps old rows from being frozen', async () => {
    expect(await subjectsOf(superuser, xidWraparound)).toEqual([])
    const old = await connect(server.url())
    await old.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1`)
    await superuser.query(`SET synchronous_commit = off`)
    await superuser.query(`
      CREATE PROCEDURE pg_temp.burn() LANGUAGE plpgsql AS $$
      BEGIN
        FOR n IN 1..115000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP;
      END $$`)
    await superuser.query(`CALL pg_temp.burn()`)
    const { level, remedy } = await findingAbout(superuser, xidWraparound, 'postgres')
    expect(level).toBe('warn')
    expect(JSON.stringify(remedy)).toMatch(/VACUUM \(FREEZE\)/)
    await old.end()
  })

  it('finds nothing once the snapshot is gone and the rows are frozen', async () => {
    await superuser.query(`VACUUM (FREEZE)`)
    expect(await subjectsOf(superuser, xidWraparound)).not.toContain('postgres')
  })
})
