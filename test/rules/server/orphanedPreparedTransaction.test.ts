import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { transactionLongerThan } from '../../../src/rules/server/longTransaction.ts'
import {
  orphanedPreparedTransaction,
  preparedLongerThan,
} from '../../../src/rules/server/orphanedPreparedTransaction.ts'
import { connect } from '../../../src/postgres/connect.ts'
import type { EmbeddedServer } from '../../../src/servers/embedded.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { findingAbout, look, subjectsOf } from '../look.ts'

describe.each([14, 18])('orphaned_prepared_transaction on PostgreSQL %i', (version) => {
  describe.skipIf(version !== 18 && engineIsMissing('postgres14'))('a server of its own', () => {
    let server: EmbeddedServer
    let superuser: Client

    beforeAll(async () => {
      server = await startEmbedded({ version, settings: { max_prepared_transactions: '4' } })
      superuser = await connect(server.url())
      await superuser.query('CREATE ROLE app LOGIN; CREATE SCHEMA "Odd Schema"')
      await superuser.query('CREATE TABLE "Odd Schema"."Stock" (id int); CREATE TABLE public.free (id int)')
      await superuser.query(
        `GRANT USAGE ON SCHEMA "Odd Schema" TO app; GRANT ALL ON ALL TABLES IN SCHEMA "Odd Schema" TO app`,
      )
    })
    afterAll(async () => {
      await superuser.end()
      await server.stop()
    })

    it('finds one that is still there after a restart, with its owner and its locks', async () => {
      await superuser.query('SET SESSION AUTHORIZATION app')
      await superuser.query(`BEGIN; LOCK TABLE "Odd Schema"."Stock" IN EXCLUSIVE MODE`)
      await superuser.query(`PREPARE TRANSACTION 'it''s forgotten'`)
      await superuser.query('RESET SESSION AUTHORIZATION')
      await superuser.query(`BEGIN; INSERT INTO public.free VALUES (1); PREPARE TRANSACTION 'other'`)
      const detail = async () =>
        (await findingAbout(superuser, preparedLongerThan(0), 'app', "it's forgotten")).detail
      const expected = 'It locks "Odd Schema"."Stock" (ExclusiveLock).'
      expect(await detail()).toContain(expected)
      await superuser.end()
      await server.restart()
      superuser = await connect(server.url())
      expect(await detail()).toContain(expected)
      const other = await findingAbout(superuser, preparedLongerThan(0), 'postgres', 'other')
      expect(other.detail).toContain('It locks public.free (RowExclusiveLock).')
      expect(other.level).toBe('error')
      // Another database's is not ours to end.
      await superuser.query('CREATE DATABASE elsewhere')
      const elsewhere = await connect(server.url('elsewhere'))
      expect(await subjectsOf(elsewhere, preparedLongerThan(0))).toEqual([])
      await elsewhere.end()
    })

    it('advises how to end it, as text that works, and long_transaction leaves the alarm to it', async () => {
      const { remedy } = await findingAbout(superuser, preparedLongerThan(0), 'app', "it's forgotten")
      if (remedy.kind !== 'runbook') throw new Error('it has to be text for a person')
      const rollback = remedy.steps.find((step) => step.startsWith('ROLLBACK PREPARED')) ?? ''
      const long = (await look(superuser, transactionLongerThan(0))).findings
      expect(long.filter(({ subject }) => subject[0] === 'app').map(({ level }) => level)).toEqual(['info'])
      await superuser.query(rollback)
      expect(await subjectsOf(superuser, preparedLongerThan(0))).toEqual(['postgres.other'])
      await superuser.query(`COMMIT PREPARED 'other'`)
      expect(await subjectsOf(superuser, preparedLongerThan(0))).toEqual([])
    })

    it('lets a coordinator have five minutes', async () => {
      await superuser.query(`BEGIN; INSERT INTO public.free VALUES (1); PREPARE TRANSACTION 'fresh'`)
      expect(await subjectsOf(superuser, orphanedPreparedTransaction)).toEqual([])
      await superuser.query(`ROLLBACK PREPARED 'fresh'`)
    })
  })
})
