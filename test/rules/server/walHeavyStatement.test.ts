import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wal } from '../../../src/rules/server/heavyStatements.ts'
import { slowQueryNaming } from '../../../src/rules/server/slowQuery.ts'
import { walHeavyStatement, walHeavyStatementFrom } from '../../../src/rules/server/walHeavyStatement.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { look } from '../look.ts'

const megabyte = 1024 ** 2
const quick = walHeavyStatementFrom(megabyte)

describe.each([14, 18])('wal_heavy_statement on PostgreSQL %i', (version) => {
  describe.skipIf(version !== 18 && engineIsMissing('postgres14'))('a server of its own', () => {
    let server: Server
    let client: Client

    beforeAll(async () => {
      server = await startEmbedded({ version, settings: { full_page_writes: 'on' } })
      client = await connect(server.url())
      await client.query(`
        CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
        CREATE TABLE prices (id int, price int, note text);
        INSERT INTO prices SELECT id, 0, 'it''s secret' FROM generate_series(1, 5000) id;
        CREATE TABLE visits (id int);
        CREATE FUNCTION slowly() RETURNS void LANGUAGE plpgsql AS $$
          BEGIN PERFORM pg_sleep(0.11); UPDATE prices SET price = price + 1; END $$;
        CREATE ROLE app LOGIN`)
    })
    afterAll(async () => {
      await client.end()
      await server.stop()
    })
    const reset = () => client.query('SELECT pg_stat_statements_reset()')

    it('finds a statement that writes most of the log, and none that writes little', async () => {
      await reset()
      for (let call = 0; call < 6; call += 1) {
        await client.query(`UPDATE prices SET price = ${call}, note = 'it''s secret' -- secret too`)
        await client.query(`INSERT INTO visits VALUES (${call})`)
      }
      const { findings, skipped } = await look(client, quick)
      expect(skipped).toBeUndefined()
      expect(findings).toHaveLength(1)
      expect(findings[0]).toMatchObject({ level: 'info', remedy: { kind: 'runbook' } })
      expect(findings[0]?.subject[0]).toBe('statement')
      expect(findings[0]?.detail).toMatch(
        /^6 calls take \d+ MB of write-ahead log, (9\d|100) % of what all statements write: UPDATE prices SET/,
      )
      expect(JSON.stringify(findings)).not.toContain('secret')
      // A few megabytes matter to nobody.
      expect((await look(client, walHeavyStatement)).findings).toEqual([])
    })

    it('says that it is full pages where checkpoints make it large', async () => {
      await reset()
      for (let call = 0; call < 6; call += 1) {
        await client.query('CHECKPOINT')
        await client.query('UPDATE prices SET price = price + 1 WHERE id % 100 = 0')
      }
      const { findings } = await look(client, walHeavyStatementFrom(megabyte / 10))
      expect(findings.map(({ remedy }) => remedy.title)).toEqual([
        'Let checkpoints come less often: most of it are full pages',
      ])
    })

    it('leaves a load that ran once alone', async () => {
      await reset()
      await client.query('INSERT INTO visits SELECT generate_series(1, 50000)')
      expect((await look(client, quick)).findings).toEqual([])
    })

    it('leaves a slow statement to slow_query', async () => {
      await reset()
      for (let call = 0; call < 6; call += 1)
        await client.query(`SELECT slowly(), pg_logical_emit_message(false, 'test', repeat('x', 1000000))`)
      expect((await look(client, quick)).findings).toEqual([])
      const { findings } = await look(client, slowQueryNaming([wal(megabyte)]))
      expect(findings).toHaveLength(1)
      expect(findings[0]?.detail).toMatch(
        /It takes \d+ MB of write-ahead log, 100 % of what all statements write$/,
      )
    })

    it('says what is hidden, and what is missing', async () => {
      await client.query('SET ROLE app')
      expect((await look(client, quick)).skipped).toContain('hidden')
      await client.query('RESET ROLE')
      await client.query('DROP EXTENSION pg_stat_statements')
      expect((await look(client, quick)).skipped).toContain('pg_stat_statements is not installed')
    })
  })
})
