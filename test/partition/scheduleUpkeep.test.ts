import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { planPartitions } from '../../src/partition/plan.ts'
import { connect } from '../../src/postgres/connect.ts'
import type { Server } from '../../src/servers/server.ts'
import { runDown, runUp } from '../migrate/run.ts'
import { startCronServer } from '../support/cronServer.ts'
import { engineIsMissing } from '../support/engines.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { writeSeries } from './writeSeries.ts'

describe.skipIf(engineIsMissing('pg_cron'))('with pg_cron', () => {
  let server: Server
  let superuser: Client
  let keeper: Client

  beforeAll(async () => {
    server = await startCronServer()
    superuser = await connect(server.url())
    keeper = await connect(server.url())
    await superuser.query(`CREATE ROLE keeper LOGIN; GRANT USAGE ON SCHEMA cron TO keeper;
      GRANT CREATE ON DATABASE postgres TO keeper; CREATE SCHEMA shop AUTHORIZATION keeper`)
    await keeper.query('SET SESSION AUTHORIZATION keeper')
    await keeper.query(`CREATE TABLE shop.orders (id integer PRIMARY KEY, day date NOT NULL)`)
  })
  afterAll(async () => {
    await keeper.end()
    await superuser.end()
    await server.stop()
  })

  test('the series schedules its upkeep, whose jobs run, and takes them back', async () => {
    const plan = await planPartitions(keeper, {
      ...{ table: { schema: 'shop', name: 'orders' }, key: 'day', every: 'month' },
      ...{ ahead: 1, accept: ['orders_pkey'], retention: '6 months' },
    })
    await using files = await migrationDirectory({})
    await writeSeries(files.path, plan.operations)
    expect((await runUp(keeper, files.path)).failure?.message).toBeUndefined()
    const jobs = await keeper.query('SELECT jobname, command, database FROM cron.job ORDER BY jobid')
    expect(jobs.rows).toEqual([
      {
        jobname: 'hundredfold add_partitions_of_orders',
        command: 'SELECT "private"."add_partitions_of_orders"()',
        database: 'postgres',
      },
      {
        jobname: 'hundredfold drop_partitions_of_orders',
        command: `CALL "private"."drop_partitions_of_orders"('6 months')`,
        database: 'postgres',
      },
    ])
    const { subject } = plan
    const cutoff = subject && 'cutoff' in subject ? subject.cutoff.toISOString().slice(0, 10) : ''
    await keeper.query(`ALTER TABLE shop.orders DETACH PARTITION shop.orders_history;
      ALTER TABLE shop.orders ATTACH PARTITION shop.orders_history FOR VALUES FROM ('2020-01-01') TO ('${cutoff}');
      CREATE TABLE shop.old PARTITION OF shop.orders FOR VALUES FROM ('2019-01-01') TO ('2020-01-01')`)
    await keeper.query(`SELECT cron.schedule(jobname, '* * * * *', command) FROM cron.job`)
    const ran = await waitForRuns(superuser)
    expect(ran).toEqual([
      { command: 'SELECT "private"."add_partitions_of_orders"()', status: 'succeeded' },
      { command: `CALL "private"."drop_partitions_of_orders"('6 months')`, status: 'succeeded' },
    ])
    const partitions = await keeper.query(`SELECT FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass`)
    expect(partitions.rowCount).toBeGreaterThan(4)
    expect((await keeper.query(`SELECT to_regclass('shop.old') AS old`)).rows).toEqual([{ old: null }])
    expect((await runDown(keeper, files.path)).failure?.message).toBeUndefined()
    expect((await keeper.query('SELECT FROM cron.job')).rowCount).toBe(0)
  }, 200_000)
})

/** The first run of each job; pg_cron begins one each minute. */
async function waitForRuns(client: Client): Promise<unknown[]> {
  for (;;) {
    const { rows } = await client.query<{ command: string; status: string }>(
      `SELECT DISTINCT ON (jobid) command, status FROM cron.job_run_details
       WHERE status IN ('succeeded', 'failed') ORDER BY jobid, runid`,
    )
    if (rows.length === 2) return rows
    await sleep(500)
  }
}
