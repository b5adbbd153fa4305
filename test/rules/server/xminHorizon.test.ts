import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { idleInTransactionLongerThan } from '../../../src/rules/server/idleInTransaction.ts'
import { transactionLongerThan } from '../../../src/rules/server/longTransaction.ts'
import { preparedLongerThan } from '../../../src/rules/server/orphanedPreparedTransaction.ts'
import { xminHorizon, xminHorizonHeldFor } from '../../../src/rules/server/xminHorizon.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { seldomAutovacuum } from '../../support/seldomAutovacuum.ts'
import { startSlowStandby } from '../../support/slowStandby.ts'
import { findingAbout, look, settleCounters, subjectsOf } from '../look.ts'

const cause = 'keeps VACUUM from removing the rows that died since (xmin_horizon)'
const rows = 20_000

describe.each([14, 18])('xmin_horizon on PostgreSQL %i', (version) => {
  describe.skipIf(version !== 18 && engineIsMissing('postgres14'))('a server of its own', () => {
    let server: Server
    let superuser: Client
    const sessions: Client[] = []

    const session = async (application: string): Promise<Client> => {
      const client = await connect(server.url(), { applicationName: application })
      sessions.push(client)
      return client
    }
    const quick = xminHorizonHeldFor(0.1)

    beforeAll(async () => {
      server = await startEmbedded({
        version,
        settings: {
          max_prepared_transactions: '2',
          autovacuum_freeze_max_age: '100000',
          ...seldomAutovacuum,
        },
      })
      superuser = await connect(server.url(), { applicationName: 'test' })
      await superuser.query(
        `CREATE TABLE orders (id int, n int); INSERT INTO orders SELECT id, 0 FROM generate_series(1, ${rows}) id`,
      )
      await superuser.query('CREATE TABLE other (id int)')
      await superuser.query('CREATE ROLE app LOGIN')
    })
    afterEach(async () => {
      await Promise.all(sessions.splice(0).map((client) => client.end()))
      await superuser.query('VACUUM ANALYZE orders')
    })
    afterAll(async () => {
      await superuser.end()
      await server.stop()
    })

    /** Leaves a dead version of every row, and lets 0.2 s pass. */
    const updateAll = async (): Promise<void> => {
      await superuser.query('UPDATE orders SET n = n + 1')
      await settleCounters(superuser)
      await superuser.query('SELECT pg_sleep(0.2)')
    }

    it('finds nothing where no transaction is open, however many rows are dead', async () => {
      await updateAll()
      expect(await subjectsOf(superuser, quick)).toEqual([])
    })

    it('names the session that began first, with what it holds up, and none that came later', async () => {
      const idle = await session('console')
      await idle.query('BEGIN; INSERT INTO other VALUES (1)')
      const report = await session('report')
      await report.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM other')
      await updateAll()

      expect(await subjectsOf(superuser, quick)).toEqual(['session.postgres.console'])
      const finding = await findingAbout(superuser, quick, 'session', 'postgres', 'console')
      expect(finding.level).toBe('warn')
      expect(finding.evidence).toContainEqual({
        name: 'dead rows held up',
        value: rows,
        kind: 'estimated',
      })
      expect(finding.detail).toContain('20,000 dead rows in 1 table.')
      expect(JSON.stringify(finding.remedy)).toContain('idle_in_transaction postgres.console')
      // Two findings of another rule, of which one is the cause.
      const { findings } = await look(superuser, idleInTransactionLongerThan(0.1))
      expect(findings.map(({ subject, detail }) => [subject[1], detail.includes(cause)]).sort()).toEqual([
        ['console', true],
        ['report', false],
      ])
      // Five minutes have not passed.
      expect(await subjectsOf(superuser, xminHorizon)).toEqual([])

      await idle.query('ROLLBACK')
      expect(await subjectsOf(superuser, quick)).toEqual(['session.postgres.report'])
      await report.query('ROLLBACK')
      expect(await subjectsOf(superuser, quick)).toEqual([])
      const before = await superuser.query('SELECT n_dead_tup AS dead FROM pg_stat_user_tables')
      expect(before.rows).toContainEqual({ dead: `${rows}` })
    })

    it('is quiet while few rows are dead', async () => {
      const idle = await session('console')
      await idle.query('BEGIN; INSERT INTO other VALUES (1)')
      await superuser.query('UPDATE orders SET n = 1 WHERE id < 1000')
      await settleCounters(superuser)
      await superuser.query('SELECT pg_sleep(0.2)')
      expect(await subjectsOf(superuser, quick)).toEqual([])
    })

    it('names a prepared transaction, whose own finding calls it the cause', async () => {
      const coordinator = await session('coordinator')
      await coordinator.query(`BEGIN; INSERT INTO other VALUES (1); PREPARE TRANSACTION 'order-1'`)
      const later = await session('later')
      await later.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM other')
      await updateAll()
      expect(await subjectsOf(superuser, quick)).toEqual(['"prepared transaction"."order-1"'])
      const [prepared] = (await look(superuser, preparedLongerThan(0.1))).findings
      expect(prepared?.detail).toContain(cause)
      const long = (await look(superuser, transactionLongerThan(0.1))).findings
      expect(long.filter(({ detail }) => detail.includes(cause))).toEqual([])
      await superuser.query(`ROLLBACK PREPARED 'order-1'`)
    })

    it('names a slot whose standby is gone, and a standby that keeps up is no finding', async () => {
      await superuser.query(`SELECT pg_create_physical_replication_slot('replica', true)`)
      const { rows: ids } = await superuser.query<{ xmin: string }>('SELECT txid_current() AS xmin')
      const standby = await startSlowStandby(server.url(), 'replica', 'replica')
      standby.needRowsSince(Number(ids[0]?.xmin))
      await expect
        .poll(async () => (await superuser.query(`SELECT xmin FROM pg_replication_slots`)).rows)
        .toEqual([{ xmin: ids[0]?.xmin }])
      await updateAll()
      await superuser.query(
        `DO $$ BEGIN FOR n IN 1..11000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`,
      )
      expect(await subjectsOf(superuser, quick)).toEqual([])
      await standby.end()
      await expect.poll(() => subjectsOf(superuser, quick)).toEqual(['slot.replica'])
      await superuser.query(`SELECT pg_drop_replication_slot('replica')`)
      expect(await subjectsOf(superuser, quick)).toEqual([])
    })

    it('names a standby that sends hot_standby_feedback once transaction ids are in danger', async () => {
      const { rows: ids } = await superuser.query<{ xmin: string }>('SELECT txid_current() AS xmin')
      const standby = await startSlowStandby(server.url(), 'reporting')
      standby.needRowsSince(Number(ids[0]?.xmin))
      await superuser.query('SET synchronous_commit = off')
      await superuser.query(
        `DO $$ BEGIN FOR n IN 1..51000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`,
      )
      const finding = await findingAbout(superuser, xminHorizon, 'standby', 'reporting')
      expect(finding.level).toBe('error')
      expect(finding.detail).toContain('transaction ids run out')
      await standby.end()
      await expect.poll(() => subjectsOf(superuser, xminHorizon)).toEqual([])
    })

    it('names nobody to a role from which an older one may be hidden', async () => {
      await session('console')
      await superuser.query('SET ROLE app')
      expect((await look(superuser, xminHorizon)).skipped).toMatch(/oldest is hidden/)
      await superuser.query('RESET ROLE')
    })
  })
})
