import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CasaoraDatabase } from '../../src/bench/casaora/database.ts'
import { casaoraMigrations, casaoraServer, createCasaora } from '../../src/bench/casaora/database.ts'
import { connect } from '../../src/postgres/connect.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { runDown, runUp, runUpWithoutProofs } from '../migrate/run.ts'
import { engineIsMissing } from '../support/engines.ts'
import { partitionsComeAndGo } from './partitionsComeAndGo.ts'

/** Every version that is not the one of all other tests. */
const versions = [
  { version: 14, engine: 'postgres14' },
  { version: 15, engine: 'postgres15' },
  { version: 16, engine: 'postgres16' },
  { version: 17, engine: 'postgres17' },
] as const

describe.each(versions)("Casaora's migrations on PostgreSQL $version", ({ version, engine }) => {
  describe.skipIf(engineIsMissing(engine))('as the owner', () => {
    let server: Server
    let database: CasaoraDatabase

    beforeAll(async () => {
      server = await startEmbedded({ ...casaoraServer, version })
      database = await createCasaora(server, 'tiny')
    })
    afterAll(() => server.stop())

    it('run up, down and up again, and leave nothing behind', { timeout: 120_000 }, async () => {
      const looker = await connect(database.superuserUrl)
      const owner = await connect(database.ownerUrl)
      try {
        const before = await readFingerprint(looker)
        expect((await runUp(owner, casaoraMigrations)).failure).toBeUndefined()
        const after = await readFingerprint(looker)
        expect((await runDown(owner, casaoraMigrations)).failure).toBeUndefined()
        expect((await readFingerprint(looker)).text).toBe(before.text)
        const again = await runUpWithoutProofs(owner, casaoraMigrations)
        expect(again.failure).toBeUndefined()
        expect((await readFingerprint(looker)).text).toBe(after.text)
      } finally {
        await owner.end()
        await looker.end()
      }
    })

    it('are the ground of the partitions, which come, go and come again', { timeout: 120_000 }, async () => {
      const superuser = await connect(database.superuserUrl)
      const owner = await connect(database.ownerUrl)
      try {
        await partitionsComeAndGo(owner, superuser)
      } finally {
        await owner.end()
        await superuser.end()
      }
    })
  })
})
