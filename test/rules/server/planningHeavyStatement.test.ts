import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  planningHeavyStatement,
  planningHeavyStatementFrom,
} from '../../../src/rules/server/planningHeavyStatement.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { look } from '../look.ts'

const quick = planningHeavyStatementFrom({ ms: 1, share: 0.05 })

describe.each([14, 18])('planning_heavy_statement on PostgreSQL %i', (version) => {
  describe.skipIf(version !== 18 && engineIsMissing('postgres14'))('a server of its own', () => {
    let server: Server
    let client: Client

    beforeAll(async () => {
      server = await startEmbedded({ version, settings: { 'pg_stat_statements.track_planning': 'on' } })
      client = await connect(server.url())
      await client.query(`
        CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
        CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);
        CREATE TABLE large (id int); INSERT INTO large SELECT generate_series(1, 50000)`)
      await client.query('VACUUM ANALYZE')
      await client.query('SELECT pg_stat_statements_reset()')
    })
    afterAll(async () => {
      await client.end()
      await server.stop()
    })

    const tables = Array.from({ length: 8 }, (_, n) => `t t${n}`).join(' NATURAL JOIN ')

    it('finds a statement that takes longer to plan than to execute, and none that works long', async () => {
      for (let call = 0; call < 6; call += 1) {
        await client.query(`SELECT * FROM ${tables} WHERE t0.id = ${call}`)
        await client.query('SELECT count(*) FROM large')
      }
      const { findings, skipped } = await look(client, quick)
      expect(skipped).toBeUndefined()
      expect(findings).toHaveLength(1)
      expect(findings[0]?.detail).toMatch(
        /^6 calls take [\d.]+ s of planning, more than of executing, \d+ % of all planning time: SELECT \* FROM t t0/,
      )
      expect((await look(client, planningHeavyStatement)).findings).toEqual([])
    })

    it('finds nothing once it is prepared', async () => {
      await client.query('SELECT pg_stat_statements_reset()')
      await client.query(`SET plan_cache_mode = 'force_generic_plan'`)
      for (let call = 0; call < 2_000; call += 1)
        await client.query({ name: 'page', text: `SELECT * FROM ${tables} WHERE t0.id = $1`, values: [1] })
      for (let call = 0; call < 20; call += 1) await client.query('SELECT count(*) FROM large')
      expect((await look(client, quick)).findings).toEqual([])
      await client.query('RESET plan_cache_mode')
    })

    it('says so where planning is not counted', async () => {
      await client.query('SET pg_stat_statements.track_planning = off')
      expect(await look(client, quick)).toMatchObject({
        findings: [],
        skipped: expect.stringContaining('track_planning is off') as string,
      })
    })
  })
})
