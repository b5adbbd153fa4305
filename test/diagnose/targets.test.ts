import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { diagnose } from '../../src/diagnose/diagnose.ts'
import type { DiagnosisReport } from '../../src/diagnose/report.ts'
import type { ConnectionUse } from '../../src/catalog/connections.ts'
import { judgeCacheHits } from '../../src/metrics/cacheHits.ts'
import { connectionLimits } from '../../src/metrics/connectionLimits.ts'
import { targets } from '../../src/metrics/targets.ts'
import type { EmbeddedServer } from '../../src/servers/embedded.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import { settleCounters } from '../rules/look.ts'

/** Metrics whose figure a rule judges too. */
const judgedByRule = {
  cache_hit_ratio: 'cache_hit_ratio',
  connection_usage: 'connection_saturation',
  sequential_scans: 'missing_index',
  slow_queries: 'slow_query',
} as const

/** Whether each metric is missed, and whether its rule finds something: a report must say the same twice. */
function missedAndFound({ metrics, findings }: DiagnosisReport) {
  const pairs = Object.entries(judgedByRule)
  return {
    missed: pairs.flatMap(([metric]) => metrics.filter(({ id, met }) => id === metric && met === false)),
    found: pairs.filter(([, rule]) =>
      // At the level info a statement is fast, and only frequent.
      findings.some(
        (finding) => finding.rule === rule && (rule !== 'slow_query' || finding.level !== 'info'),
      ),
    ),
  }
}

describe('a metric and the rule that judges the same figure', () => {
  let server: EmbeddedServer
  let superuser: Client
  const others: Client[] = []

  beforeAll(async () => {
    server = await startEmbedded({ settings: { shared_buffers: '4MB', autovacuum: 'off', jit: 'off' } })
    superuser = await connect(server.url())
    await superuser.query(`
      CREATE EXTENSION pg_stat_statements;
      CREATE TABLE cached AS SELECT i FROM generate_series(1, 1000) i;
      CREATE TABLE scanned AS SELECT i, repeat('x', 400) AS filler FROM generate_series(1, 30000) i;
      ANALYZE;
      ALTER DATABASE postgres CONNECTION LIMIT 10;
      SELECT pg_stat_reset()`)
    await superuser.query('DO $$ BEGIN FOR n IN 1..25000 LOOP PERFORM count(*) FROM cached; END LOOP; END $$')
    await superuser.query('SELECT pg_stat_statements_reset()')
  })
  afterAll(async () => {
    await Promise.all(others.map((client) => client.end()))
    await superuser.end()
    await server.stop()
  })

  async function report(): Promise<DiagnosisReport> {
    await settleCounters(superuser)
    return (await diagnose(superuser)).report
  }

  it('have one target, whatever the metric', async () => {
    const { metrics } = await report()
    expect(Object.fromEntries(metrics.map(({ id, target }) => [id, target]))).toEqual(targets)
  })

  it('accept the same database', async () => {
    const healthy = await report()
    expect(missedAndFound(healthy)).toEqual({ missed: [], found: [] })
    expect(healthy.metrics.find(({ id }) => id === 'cache_hit_ratio')?.met).toBe(true)
  })

  it('and object to the same one', async () => {
    for (let scan = 0; scan < 60; scan += 1) await superuser.query(`SELECT count(*) FROM scanned`)
    // A bare `SELECT pg_sleep(...)` may be counted together with the one of settleCounters.
    for (let call = 0; call < 20; call += 1)
      await superuser.query('SELECT count(*) FROM cached, pg_sleep(0.15)')
    for (let session = 0; session < 8; session += 1) others.push(await connect(server.url()))
    const { missed, found } = missedAndFound(await report())
    expect(missed.map(({ id }) => id)).toEqual(Object.keys(judgedByRule))
    expect(found.map(([metric]) => metric)).toEqual(Object.keys(judgedByRule))
  })
})

describe('what is judged at the edge', () => {
  it('a hit ratio is met at its target and not below, unless no more was read than is stored', () => {
    const judged = (blocksHit: number, blocksRead: number, storedBlocks = 0) =>
      judgeCacheHits({ blocksHit, blocksRead, storedBlocks }).met
    expect(judged(990_000, 10_000)).toBe(true)
    expect(judged(989_000, 11_000)).toBe(false)
    expect(judged(500_000, 500_000, 500_000)).toBe(true)
    expect(judged(900, 100)).toBeUndefined()
  })

  it('the limit that is reached first counts, even that of a role', () => {
    const use: ConnectionUse = {
      ...{ database: 'app', role: 'app', active: 0, idle: 0, idleInTransaction: 0 },
      ...{ limit: 100, used: 79, databaseLimit: 0, usedInDatabase: 79, roleLimit: 10, usedByRole: 8 },
    }
    expect(
      connectionLimits(use).map(({ subject, percent, isSaturated }) => [subject, percent, isSaturated]),
    ).toEqual([
      [['role', 'app'], 80, true],
      [['max_connections'], 79, false],
    ])
  })
})
