import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ioHeavyStatement, ioHeavyStatementFrom } from '../../../src/rules/server/ioHeavyStatement.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { look } from '../look.ts'

/** How much of the time is I/O depends on what else the machine does. */
const quick = ioHeavyStatementFrom({ ms: 0.5, share: 0 })

// 15 counts the time of temporary files, and 17 has other names.
describe.each([14, 15, 17, 18])('io_heavy_statement on PostgreSQL %i', (version) => {
  describe.skipIf(version !== 18 && engineIsMissing(`postgres${version}` as 'postgres14'))(
    'a server of its own',
    () => {
      let server: Server
      let client: Client

      beforeAll(async () => {
        server = await startEmbedded({
          version,
          settings: {
            shared_buffers: '1MB',
            track_io_timing: 'on',
            // Read ahead by workers, it would wait for next to nothing on a fast disk.
            ...(version >= 18 ? { io_method: 'sync' } : {}),
          },
        })
        client = await connect(server.url())
        await client.query(`
          CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
          CREATE TABLE events (id int, filler text);
          INSERT INTO events SELECT id, repeat('x', 500) FROM generate_series(1, 40000) id;
          CREATE TABLE few (id int); INSERT INTO few VALUES (1)`)
        await client.query('VACUUM ANALYZE')
      })
      afterAll(async () => {
        await client.end()
        await server.stop()
      })

      it('finds a statement that reads from disk, and none that finds its pages in memory', async () => {
        await client.query('SELECT pg_stat_statements_reset()')
        for (let call = 0; call < 6; call += 1) {
          await client.query(`SELECT count(*) FROM events WHERE filler = 'secret'`)
          await client.query('SELECT count(*) FROM few')
        }
        const { findings, skipped } = await look(client, quick)
        expect(skipped).toBeUndefined()
        expect(findings).toHaveLength(1)
        expect(findings[0]?.detail).toMatch(
          /^6 calls take [\d.]+ s of reading and writing, \d+ % of all I\/O time: SELECT count\(\*\) FROM events/,
        )
        expect(JSON.stringify(findings)).not.toContain('secret')
        // It took less than a minute.
        expect((await look(client, ioHeavyStatement)).findings).toEqual([])
      })

      it('says so where nobody counts the time', async () => {
        await client.query('SET track_io_timing = off')
        expect(await look(client, quick)).toMatchObject({
          findings: [],
          skipped: expect.stringContaining('track_io_timing is off') as string,
        })
        await client.query('RESET track_io_timing')
      })
    },
  )
})
