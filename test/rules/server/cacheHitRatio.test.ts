import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../../src/postgres/connect.ts'
import { cacheHitRatio } from '../../../src/rules/server/cacheHitRatio.ts'
import type { EmbeddedServer } from '../../../src/servers/embedded.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import { findingAbout, subjectsOf, settleCounters } from '../look.ts'

describe('cache_hit_ratio', () => {
  let server: EmbeddedServer
  let superuser: Client

  beforeAll(async () => {
    server = await startEmbedded({ settings: { shared_buffers: '4MB', autovacuum: 'off' } })
    superuser = await connect(server.url())
  })
  afterAll(async () => {
    await superuser.end()
    await server.stop()
  })

  it('finds nothing while the cache suffices, and names what is read when it does not', async () => {
    await superuser.query(`CREATE TABLE good_small AS SELECT i FROM generate_series(1, 1000) i`)
    await superuser.query(
      `CREATE TABLE large AS SELECT repeat('x', 1000) AS filler FROM generate_series(1, 30000)`,
    )
    await superuser.query(`SELECT pg_stat_reset()`)
    await superuser.query(
      `DO $$ BEGIN FOR n IN 1..25000 LOOP PERFORM count(*) FROM good_small; END LOOP; END $$`,
    )
    await settleCounters(superuser)
    expect(await subjectsOf(superuser, cacheHitRatio)).toEqual([])
    for (let scan = 0; scan < 4; scan += 1) await superuser.query(`SELECT count(*) FROM large`)
    await settleCounters(superuser)
    const { evidence } = await findingAbout(superuser, cacheHitRatio, 'postgres')
    expect(evidence.map(({ name }) => name)).toContain('blocks of public.large read')
  })
})
