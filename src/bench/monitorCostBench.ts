import { readFileSync } from 'node:fs'
import type { Client } from 'pg'
import { makeReaders } from '../operate/monitor/readers/index.ts'
import { takeRound } from '../operate/monitor/round.ts'
import { diagnose } from '../diagnose/diagnose.ts'
import { connect } from '../postgres/connect.ts'
import { provideServer } from '../servers/provideServer.ts'
import { monitorText } from '../report/monitor.ts'
import { prometheusText } from '../report/prometheusText.ts'
import type { Bench } from './bench.ts'
import { benchRow } from './bench.ts'

const tables = 500
const rounds = 60
const mostMs = 50
/** Of one core, at a round every minute. */
const mostShare = 0.01
const everyMs = 60_000
const database = 'monitor_cost'

/** What watching costs: a round of `monitor` on 500 tables with four indexes each, 500 sequences and 4,000 statements. */
export const monitorCostBench: Bench = {
  id: 'monitor_cost',
  title: 'A round of monitor',
  rowIds: ['monitor_cost_database', 'monitor_cost_cpu'],
  async run({ config, onStep, onServer, only }) {
    const server = await provideServer(config, { trustedExtensions: ['pg_stat_statements'] })
    const admin = await connect(server.url())
    try {
      await admin.query(`CREATE DATABASE ${database}`)
      onStep('making 500 tables')
      const maker = await connect(server.url(database))
      await makeTables(maker)
      const { rows: versions } = await maker.query<{ server_version: string }>('SHOW server_version')
      onServer?.(versions[0]?.server_version ?? '')
      await maker.end()
      onStep('diagnosing once, to compare')
      const whole = await measureSession(admin, server.url(database), async (client) => {
        await diagnose(client)
        return 1
      })
      onStep(`taking ${rounds} rounds`)
      const readers = makeReaders({ url: server.url(database), reports: '.' })
      const each = await measureSession(admin, server.url(database), async (client, begin) => {
        // The first one reads texts and fills the caches of its session.
        await takeRound(client, readers, new Date())
        await begin()
        for (let turn = 0; turn < rounds; turn += 1) {
          // Rounds of an hour: what is read seldom has its turns.
          const round = await takeRound(client, readers, new Date(Date.now() + turn * everyMs))
          await prometheusText(round.measurements)
          monitorText(round)
        }
        return rounds
      })
      const rows = [
        benchRow({
          ...{ id: 'monitor_cost_database', unit: 'ms', before: whole.databaseMs, after: each.databaseMs },
          title: `Time of the database on ${tables} tables: a diagnose, then a round of monitor`,
          claim: `below ${mostMs} ms a round`,
          met: each.databaseMs < mostMs,
          how: `mean of ${rounds} rounds after the first one; ${
            each.isCpuTime
              ? `CPU time of the session's process: all is in memory, and waiting for a busy processor does not count; with it ${each.activeMs.toFixed(0)} ms`
              : 'active_time of pg_stat_database'
          }`,
        }),
        benchRow({
          ...{ id: 'monitor_cost_cpu', unit: 'ms' },
          ...{ before: whole.databaseMs + whole.ownMs, after: each.databaseMs + each.ownMs },
          title: 'CPU time of the same, of the database and of the program',
          claim: 'below 1 % of one core at a round every minute',
          met: each.databaseMs + each.ownMs < mostShare * everyMs,
          how: `${((100 * (each.databaseMs + each.ownMs)) / everyMs).toFixed(2)} % of one core`,
        }),
      ]
      return rows.filter(({ id }) => only === undefined || only.includes(id) || only.includes('monitor_cost'))
    } finally {
      await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
      await admin.end()
      await server.stop()
    }
  },
}

async function makeTables(client: Client): Promise<void> {
  await client.query('CREATE EXTENSION pg_stat_statements')
  for (let number = 0; number < tables; number += 1) {
    await client.query(`
      CREATE TABLE t${number} (id bigserial PRIMARY KEY, a integer, b text, c timestamptz);
      CREATE INDEX ON t${number} (a); CREATE INDEX ON t${number} (c); CREATE INDEX ON t${number} (a, c);
      INSERT INTO t${number} (a, b) SELECT i, 'x' FROM generate_series(1, 200) i;
      DELETE FROM t${number} WHERE id % 10 = 0`)
    // Two statements of the application for each table.
    await client.query(`SELECT count(*) FROM t${number}`)
    await client.query(`SELECT b FROM t${number} WHERE a = 1`)
  }
  await client.query('ANALYZE')
}

/** Of one unit of the work. */
interface Cost {
  databaseMs: number
  /** False where the server's processes are not ours to see, and its time is that of its statements. */
  isCpuTime: boolean
  activeMs: number
  ownMs: number
}

/** Measures work in a session of its own, in which nobody else is active. It returns how many units it did. */
async function measureSession(
  admin: Client,
  url: string,
  work: (client: Client, begin: () => Promise<void>) => Promise<number>,
): Promise<Cost> {
  const client = await connect(url)
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const pid = rows[0]?.pid ?? 0
  const look = async () => ({ active: await activeMs(admin), backend: cpuMsOf(pid), own: process.cpuUsage() })
  let start = await look()
  let units: number
  let backend: number | undefined
  let own: NodeJS.CpuUsage
  try {
    units = await work(client, async () => {
      // Counters are handed over at most once a second.
      await client.query('SELECT pg_sleep(1.1)')
      await client.query('SELECT 1')
      start = await look()
    })
    backend = cpuMsOf(pid)
    own = process.cpuUsage(start.own)
  } finally {
    // A session that ends hands over what it has counted.
    await client.end()
  }
  const active = (await activeMs(admin)) - start.active
  const cpu = backend === undefined || start.backend === undefined ? undefined : backend - start.backend
  return {
    databaseMs: (cpu ?? active) / units,
    isCpuTime: cpu !== undefined,
    activeMs: active / units,
    ownMs: (own.user + own.system) / 1_000 / units,
  }
}

/** How long the sessions of the database have executed statements. */
async function activeMs(admin: Client): Promise<number> {
  const { rows } = await admin.query<{ ms: number }>(
    'SELECT active_time AS ms FROM pg_stat_database WHERE datname = $1',
    [database],
  )
  return rows[0]?.ms ?? 0
}

/** Linux counts in hundredths of a second. */
function cpuMsOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    if (!stat.includes('(postgres)')) return undefined
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return 10 * (Number(fields[11]) + Number(fields[12]))
  } catch {
    return undefined
  }
}
