import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFingerprint } from '../../../src/fingerprint/fingerprint.ts'
import { findJobs } from '../../../src/operate/maintain/jobs.ts'
import { cronOperations, findCronJobs } from '../../../src/operate/maintain/cronPlan.ts'
import { periods } from '../../../src/operate/maintain/period.ts'
import type { Operation } from '../../../src/operations/operation.ts'
import { connect } from '../../../src/postgres/connect.ts'
import type { Server } from '../../../src/servers/server.ts'
import { runDown, runUp } from '../../migrate/run.ts'
import { callCommand } from '../../support/commandLine.ts'
import { startCronServer } from '../../support/cronServer.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { writeSeries } from '../../partition/writeSeries.ts'
import { migrationDirectory } from '../../support/migrationFiles.ts'

describe.skipIf(engineIsMissing('pg_cron'))('jobs of pg_cron, as an owner who is no superuser', () => {
  let server: Server
  let superuser: Client
  let owner: Client
  let ownerUrl: string

  beforeAll(async () => {
    server = await startCronServer()
    superuser = await connect(server.url())
    await superuser.query(`CREATE ROLE owner LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA cron TO owner;
      GRANT CREATE ON DATABASE postgres TO owner`)
    await superuser.query('CREATE DATABASE elsewhere OWNER owner')
    const url = new URL(server.url())
    url.username = 'owner'
    url.password = 'secret'
    ownerUrl = url.href
    owner = await connect(ownerUrl)
    await owner.query(`
      CREATE SCHEMA shop; CREATE SCHEMA private;
      CREATE TABLE shop."Orders" (day date NOT NULL) PARTITION BY RANGE (day);
      CREATE TABLE shop.orders_2026 PARTITION OF shop."Orders" FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
      CREATE TABLE shop.calls (at timestamptz);
      CREATE FUNCTION private."add_partitions_of_Orders"() RETURNS SETOF text LANGUAGE sql
        AS 'INSERT INTO shop.calls VALUES (now()); SELECT ''orders_2027''::text';
      CREATE TABLE shop.events (id int, note text) WITH (autovacuum_enabled = off);
      INSERT INTO shop.events SELECT id, repeat('x', 100) FROM generate_series(1, 20000) id`)
  })
  afterAll(async () => {
    await owner.end()
    await superuser.end()
    await server.stop()
  })

  const jobs = async () =>
    (
      await owner.query<{ jobname: string; schedule: string }>(
        'SELECT jobname, schedule FROM cron.job ORDER BY 1',
      )
    ).rows
  const schedule = (period: string, directory: string) =>
    callCommand(['maintain', period, '--schedule', 'pg_cron', '--into', directory, '--yes'], {
      environment: { DIRECT_URL: ownerUrl },
    })

  test('every job really ran before its migration is done, and the way back leaves nothing', async () => {
    const before = await readFingerprint(owner)
    await using files = await migrationDirectory({})
    const pairs: Operation[][] = []
    for (const period of periods) {
      const found = await findCronJobs(owner, period)
      if (found.length > 0) pairs.push(cronOperations(period, found))
    }
    // All are scheduled before the first one is awaited: pg_cron begins jobs once a minute.
    await writeSeries(
      files.path,
      [...pairs.map(([first]) => first), ...pairs.map(([, second]) => second)].flatMap((each) => each ?? []),
    )
    expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
    const after = await readFingerprint(owner)
    expect(await jobs()).toEqual([
      { jobname: 'hundredfold add_partitions_of_Orders', schedule: '17 2 * * *' },
      { jobname: 'hundredfold analyze shop."Orders"', schedule: '17 3 * * 0' },
      { jobname: 'hundredfold history', schedule: '17 4 * * *' },
      { jobname: 'hundredfold vacuum', schedule: '47 3 1 * *' },
    ])
    const { rows } = await owner.query<{ status: string; username: string }>(
      'SELECT DISTINCT ON (command) status, username FROM cron.job_run_details ORDER BY command',
    )
    expect(rows).toEqual(Array.from({ length: 4 }, () => ({ status: 'succeeded', username: 'owner' })))
    expect((await owner.query('SELECT count(*)::int AS calls FROM shop.calls')).rows).toEqual([{ calls: 1 }])
    const vacuumed = await superuser.query(
      `SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'shop' AND vacuum_count > 0 AND relname = 'events'`,
    )
    expect(vacuumed.rowCount).toBe(1)

    // What pg_cron does is not done twice, and there is nothing more to schedule.
    const nothing = { of: () => undefined }
    expect(await findJobs(owner, 'daily', nothing)).toMatchObject({ due: [], doneByCron: 1 })
    expect((await schedule('daily', files.path)).out).toContain('nothing that pg_cron could do')
    // A run that failed makes it due again.
    await superuser.query(`UPDATE cron.job_run_details SET status = 'failed', return_message = 'ERROR: disk full'
      WHERE command LIKE '%add_partitions%'`)
    const [due] = (await findJobs(owner, 'daily', nothing)).due
    expect(due?.why).toContain('disk full')

    expect((await runDown(owner, files.path)).failure?.message).toBeUndefined()
    expect(await jobs()).toEqual([])
    expect((await owner.query('SELECT FROM cron.job_run_details')).rowCount).toBe(0)
    expect(await readFingerprint(owner)).toEqual(before)
    expect(after).toEqual(before)
  }, 200_000)

  test('a job that fails is named with what the server said, and the way back is open', async () => {
    await using files = await migrationDirectory({})
    const { exitCode, out, err } = await schedule('daily', files.path)
    expect(err).toBe('')
    expect(exitCode).toBe(0)
    expect(out).toContain('written')
    expect((await runUp(owner, files.path, { count: 1 })).failure?.message).toBeUndefined()
    expect(await jobs()).toHaveLength(4)
    // As pg_cron writes it down where it cannot log in; waiting for its minute would show no more.
    await superuser.query(`INSERT INTO cron.job_run_details (jobid, command, database, username, status, return_message)
      SELECT jobid, command, database, username, 'failed', 'connection failed' FROM cron.job WHERE jobname LIKE '%first run%'`)
    const { failure } = await runUp(owner, files.path)
    expect(failure?.message).toContain('a run that failed: connection failed')
    expect((await runDown(owner, files.path, { count: 1 })).failure?.message).toBeUndefined()
    expect(await jobs()).toEqual([])
  })

  test('pg_cron in another database is said, with the statements that schedule jobs from there', async () => {
    await superuser.query('GRANT pg_read_all_settings TO owner')
    const url = new URL(ownerUrl)
    url.pathname = '/elsewhere'
    const { exitCode, out, err } = await callCommand(
      ['maintain', 'monthly', '--schedule', 'pg_cron', '--yes'],
      {
        environment: { DIRECT_URL: url.href },
      },
    )
    expect(exitCode).toBe(5)
    expect(err).toContain('lives in one database of a server, here in postgres')
    expect(err).toContain('--schedule crontab')
    await superuser.query(out)
    expect((await superuser.query('SELECT database, username, command FROM cron.job')).rows).toEqual([
      { database: 'elsewhere', username: 'owner', command: 'VACUUM (ANALYZE, SKIP_LOCKED) -- hundredfold' },
    ])
    await superuser.query('SELECT cron.unschedule(jobid) FROM cron.job')
  })

  test('a role that may not use pg_cron is told so', async () => {
    await superuser.query('REVOKE USAGE ON SCHEMA cron FROM owner')
    const { exitCode, err } = await callCommand(['maintain', 'daily', '--schedule', 'pg_cron', '--yes'], {
      environment: { DIRECT_URL: ownerUrl },
    })
    expect(exitCode).toBe(5)
    expect(err).toContain('may not use it')
    await superuser.query('GRANT USAGE ON SCHEMA cron TO owner')
  })
})
