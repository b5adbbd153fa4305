import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { autovacuumBlocked, autovacuumBlockedFor } from '../../../src/rules/tables/autovacuumBlocked.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { findingAbout, look, settleCounters, subjectsOf } from '../look.ts'

/** A second is long enough for an autovacuum that comes each second. */
const quick = autovacuumBlockedFor({ heldSeconds: 1, quietSeconds: 2 })

describe.each([14, 18])('autovacuum_blocked on PostgreSQL %i', (version) => {
  describe.skipIf(version !== 18 && engineIsMissing('postgres14'))('a server of its own', () => {
    let server: Server
    let superuser: Client
    let other: Client

    beforeAll(async () => {
      server = await startEmbedded({
        version,
        settings: {
          autovacuum_naptime: '1',
          autovacuum_vacuum_cost_delay: '0',
          deadlock_timeout: '100ms',
          max_prepared_transactions: '1',
        },
      })
      superuser = await connect(server.url(), { applicationName: 'test' })
      other = await connect(server.url(), { applicationName: 'worker' })
      await superuser.query('CREATE ROLE app LOGIN')
    })
    afterAll(async () => {
      await superuser.end()
      await other.end()
      await server.stop()
    })

    const create = (table: string, rows: number, options = ''): Promise<unknown> =>
      superuser.query(
        `CREATE TABLE ${table} (id int, n int) ${options}; INSERT INTO ${table} SELECT id, 0 FROM generate_series(1, ${rows}) id; ANALYZE ${table}`,
      )
    const vacuumed = async (table: string): Promise<boolean> => {
      const { rows } = await superuser.query<{ done: boolean }>(
        `SELECT last_autovacuum IS NOT NULL AND n_dead_tup < 100 AS done FROM pg_stat_user_tables WHERE relname = '${table}'`,
      )
      return rows[0]?.done ?? false
    }

    it('finds a table that a session locks, names the session, and is quiet once autovacuum came', async () => {
      await create('jobs', 5_000)
      await create('free', 5_000)
      await other.query('BEGIN; LOCK TABLE jobs IN SHARE UPDATE EXCLUSIVE MODE')
      await superuser.query('UPDATE jobs SET n = 1; UPDATE free SET n = 1')
      await settleCounters(superuser)
      await expect.poll(() => vacuumed('free'), { timeout: 15_000 }).toBe(true)
      await expect.poll(() => subjectsOf(superuser, quick), { timeout: 5_000 }).toEqual(['public.jobs'])
      const finding = await findingAbout(superuser, quick, 'public', 'jobs')
      expect(finding.level).toBe('warn')
      expect(finding.detail).toMatch(
        /5,000 dead rows.* session \d+ \(role postgres, application "worker", idle in transaction\) holds ShareUpdateExclusiveLock/,
      )
      // A minute has not passed.
      expect(await subjectsOf(superuser, autovacuumBlocked)).toEqual([])
      await other.query('COMMIT')
      await expect.poll(() => vacuumed('jobs'), { timeout: 15_000 }).toBe(true)
      expect(await subjectsOf(superuser, quick)).toEqual([])
    })

    it('is no alarm where a lock does not hinder VACUUM, or autovacuum is off for the table', async () => {
      await create('written', 5_000, 'WITH (autovacuum_vacuum_threshold = 5000)')
      await create('off', 5_000, 'WITH (autovacuum_enabled = off)')
      await other.query('BEGIN; UPDATE written SET n = 1 WHERE id = 1; LOCK TABLE off IN SHARE MODE')
      await superuser.query('UPDATE written SET n = 1 WHERE id > 1')
      await settleCounters(superuser)
      await sleep(1_500)
      expect(await subjectsOf(superuser, quick)).toEqual([])
      await other.query('COMMIT')
    })

    it('is no alarm while an old snapshot keeps the rows: autovacuum comes, and xmin_horizon has the cause', async () => {
      await create('kept', 20_000)
      await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM kept')
      for (let round = 0; round < 4; round += 1) await superuser.query('UPDATE kept SET n = n + 1')
      await settleCounters(superuser)
      await expect
        .poll(
          async () =>
            (
              await superuser.query(
                `SELECT FROM pg_stat_user_tables WHERE relname = 'kept' AND last_autovacuum > now() - interval '3 s' AND n_dead_tup > 50000`,
              )
            ).rowCount,
          { timeout: 15_000 },
        )
        .toBe(1)
      expect(await subjectsOf(superuser, quick)).toEqual([])
      await other.query('COMMIT')
    })

    it('finds a table whose autovacuum is cancelled each time, and the advice gets through', async () => {
      await create(
        'queue',
        4_000,
        'WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)',
      )
      let isRunning = true
      const locking = (async () => {
        while (isRunning) {
          await other.query('BEGIN; LOCK TABLE queue IN SHARE ROW EXCLUSIVE MODE; COMMIT')
          await sleep(150)
        }
      })()
      await create('spared', 4_000)
      for (let round = 0; round < 6; round += 1)
        await superuser.query('UPDATE queue SET n = n + 1; UPDATE spared SET n = n + 1')
      await settleCounters(superuser)
      // Autovacuum has come for both, and has got through one of them.
      await expect.poll(() => vacuumed('spared'), { timeout: 15_000 }).toBe(true)
      await sleep(2_500)
      expect(await vacuumed('queue')).toBe(false)
      await expect.poll(() => subjectsOf(superuser, quick), { timeout: 20_000 }).toEqual(['public.queue'])
      const finding = await findingAbout(superuser, quick, 'public', 'queue')
      expect(finding.level).toBe('info')
      expect(finding.detail).toContain('no VACUUM has got through it')
      const { remedy } = finding
      if (remedy.kind !== 'runbook') throw new Error('it has to be text for a person')
      await superuser.query(remedy.steps[0] ?? '')
      isRunning = false
      await locking
      await settleCounters(superuser)
      expect(await subjectsOf(superuser, quick)).toEqual([])
    })

    it('says so where the holder of a lock is hidden', async () => {
      await create('secret', 5_000)
      await other.query('BEGIN; LOCK TABLE secret IN SHARE UPDATE EXCLUSIVE MODE')
      await superuser.query('UPDATE secret SET n = 1')
      await settleCounters(superuser)
      await superuser.query('SET ROLE app')
      await expect
        .poll(async () => (await look(superuser, quick)).skipped, { timeout: 5_000 })
        .toMatch(/locks is hidden/)
      await superuser.query('RESET ROLE')
      await other.query('COMMIT')
    })
  })
})
