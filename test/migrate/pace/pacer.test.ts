import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handOver, meanOfOthers, readActivity } from '../../../src/migrate/pace/loadLatency.ts'
import { listReplicas } from '../../../src/migrate/pace/replicaLag.ts'
import type { RunEvent } from '../../../src/migrate/runOptions.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { batchedMigration, migrationDirectory } from '../../support/migrationFiles.ts'
import { seldomAutovacuum } from '../../support/seldomAutovacuum.ts'
import { startSlowStandby } from '../../support/slowStandby.ts'
import { versions } from '../../support/versions.ts'
import { runUp } from '../run.ts'

describe.each(versions)('on PostgreSQL $version', ({ version, engine }) => {
  describe.skipIf(engine !== undefined && engineIsMissing(engine))('batches', () => {
    let server: Server
    let client: Client

    beforeAll(async () => {
      server = await startEmbedded({ version, settings: seldomAutovacuum })
      client = await connect(server.url())
      await client.query(
        `CREATE TABLE public.jobs (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
         INSERT INTO public.jobs SELECT id FROM generate_series(1, 30000) id; ANALYZE public.jobs`,
      )
    })
    afterAll(async () => {
      await client.end()
      await server.stop()
    })

    test('wait for a standby that is behind, and go on when it has caught up', async () => {
      await using files = await migrationDirectory({
        '20260101000000000_count.ts': batchedMigration({
          up: [
            {
              table: { schema: 'public', name: 'jobs' },
              key: ['id'],
              sql: 'UPDATE public.jobs SET n = n + 1 WHERE {batch}',
            },
          ],
          down: [],
        }),
      })
      const standby = await startSlowStandby(server.url(), 'the slow one')
      // More than 64 MB of log, and a transaction that has them written.
      await client.query(`SELECT pg_logical_emit_message(false, 'test', repeat('x', 70000000))`)
      await client.query('CREATE TABLE public.written ()')
      const events: RunEvent[] = []
      const looker = await connect(server.url())
      const catchUp = async () => {
        const { rows } = await looker.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn')
        standby.replay(rows[0]?.lsn ?? '')
      }
      const caughtUp: Promise<void>[] = []
      const onEvent = (event: RunEvent) => {
        if (event.kind !== 'batch') return
        events.push(event)
        if (event.pause?.for === 'replica') caughtUp.push(catchUp())
      }
      expect((await runUp(client, files.path, { onEvent })).failure).toBeUndefined()
      await Promise.all(caughtUp)
      expect(events[0]).toMatchObject({
        rows: 0,
        pause: { for: 'replica', replica: { name: 'the slow one', bytes: expect.any(Number) as number } },
      })
      const { rows } = await client.query('SELECT n, count(*)::int AS rows FROM public.jobs GROUP BY n')
      expect(rows).toEqual([{ n: 1, rows: 30_000 }])
      await looker.end()
      await standby.end()
    })

    test('do not wait for a replica if they are told not to', async () => {
      const standby = await startSlowStandby(server.url(), 'the slow one')
      await client.query(`SELECT pg_logical_emit_message(false, 'test', repeat('x', 70000000))`)
      await client.query('DROP TABLE public.written')
      expect(await listReplicas(client)).toMatchObject([{ name: 'the slow one' }])
      await using files = await migrationDirectory({
        '20260102000000000_count.ts': batchedMigration({
          up: [
            {
              table: { schema: 'public', name: 'jobs' },
              key: ['id'],
              sql: 'UPDATE public.jobs SET n = n + 1 WHERE {batch}',
            },
          ],
          down: [],
        }),
      })
      await client.query('DROP SCHEMA hundredfold CASCADE')
      expect((await runUp(client, files.path, { maxReplicaLagMs: 0 })).failure).toBeUndefined()
      await standby.end()
    })

    test('a role that may not see standbys sees none', async () => {
      const standby = await startSlowStandby(server.url(), 'the slow one')
      await client.query('CREATE ROLE nobody; SET ROLE nobody')
      expect(await listReplicas(client)).toEqual([])
      await client.query('RESET ROLE; DROP ROLE nobody')
      await standby.end()
    })

    test('know how long the transactions of others take', async () => {
      const before = await readActivity(client)
      const other = await connect(server.url())
      for (let turn = 0; turn < 40; turn += 1) await other.query('SELECT pg_sleep(0.02)')
      // A session hands over its counters when it ends.
      await other.end()
      let mean: number | undefined
      while (mean === undefined)
        mean = meanOfOthers(before, await readActivity(client), { activeMs: 0, transactions: 1 })
      expect(mean).toBeGreaterThan(10)
    })

    test.skipIf(version === 14)('know what they do themselves at once', async () => {
      await handOver(client)
      const before = await readActivity(client)
      // After more than a second the session hands over what it counted of tables, but not yet the time of this.
      await client.query('SELECT pg_sleep(1.2) FROM public.jobs LIMIT 1')
      await handOver(client)
      const after = await readActivity(client)
      expect(after.activeMs - before.activeMs).toBeGreaterThan(1_190)
    })
  })
})
