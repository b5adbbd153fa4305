import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Client } from 'pg'
import { createCache } from '../../cache/cache.ts'
import { followOutbox } from '../../cache/followOutbox.ts'
import { redisInvalidator } from '../../cache/redisInvalidator.ts'
import { RedisStore } from '../../cache/redisStore.ts'
import { announceChanges } from '../../operations/announceChanges.ts'
import { createCacheOutbox } from '../../operations/createCacheOutbox.ts'
import { parseTagTemplate } from '../../operations/tagTemplate.ts'
import { connect } from '../../postgres/connect.ts'
import { findProgram } from '../../servers/programs.ts'
import { provideServer } from '../../servers/provideServer.ts'
import { startRedis } from '../../servers/redis.ts'
import type { Bench } from '../bench.ts'
import { benchRow, moreIsBetterRow } from '../bench.ts'
import type { BenchRow } from '../row.ts'
import type { StalenessReport } from './staleness.ts'
import { Staleness } from './staleness.ts'

const pages = 500
const [readers, writers] = [8, 4]
const forMs = 10_000
/** What a team takes that wants to see changes soon. */
const ttlMs = 5_000
const boundMs = 2_000
const table = { schema: 'public', name: 'pages' }

const titles = {
  cache_beside_ttl_staleness: 'Oldest read: entries that expire -> entries that the database invalidates',
  cache_beside_ttl_throughput: 'Reads: entries that expire -> entries that the database invalidates',
}

/**
 * The same readers and writers, the same Redis and the same client: a cache whose entries expire, and one whose entries the
 * database invalidates.
 */
export const cacheBesideTtlBench: Bench = {
  id: 'cache_beside_ttl',
  title: 'Invalidated entries beside entries that expire',
  rowIds: Object.keys(titles),
  async run({ config, onStep, onServer, onSkip, only, signal }) {
    const program = findProgram('redis-server', config.path)
    if (!program) {
      for (const id of Object.keys(titles)) onSkip?.(id, 'redis-server is not installed')
      return []
    }
    const server = await provideServer(config)
    const redisServer = await startRedis(program)
    const redis = new Redis(redisServer.url)
    const invalidator = redisInvalidator(redisServer.url)
    const end = new AbortController()
    const open = () => connect(server.url())
    const client = await open()
    try {
      onServer?.(
        (await client.query<{ server_version: string }>('SHOW server_version')).rows[0]?.server_version ?? '',
      )
      await client.query(`CREATE TABLE pages (id integer PRIMARY KEY, value integer NOT NULL);
        INSERT INTO pages SELECT id, 0 FROM generate_series(0, ${pages - 1}) id`)
      onStep(`entries that expire after ${ttlMs / 1_000} s`)
      const expiring = await load(open, async (id, query) => {
        const key = `plain:${id}`
        const kept = await redis.get(key)
        if (kept !== null) return { value: Number(kept), isHit: true }
        const value = await query()
        await redis.set(key, value, 'PX', ttlMs)
        return { value, isHit: false }
      })
      signal?.throwIfAborted()
      onStep('entries that the database invalidates')
      const announce = { table, tags: [parseTagTemplate('page:{id}')], descendants: [], hasDates: false }
      for (const { up } of [createCacheOutbox(), announceChanges(announce)])
        for (const statement of up) await client.query(statement)
      void followOutbox({ connect: open, invalidator, signal: end.signal })
      const store = new RedisStore(redis, { boundMs })
      const cache = createCache({ store })
      while (!(await store.hasBeenConfirmed())) await pause(50)
      const invalidated = await load(open, async (id, query) => {
        let isHit = true
        const value = await cache.get(`page:${id}`, { tags: [`page:${id}`], ttl: 3_600_000 }, () => {
          isHit = false
          return query()
        })
        return { value, isHit }
      })
      await store.close()
      return rowsOf(expiring, invalidated).filter(
        ({ id }) => only === undefined || only.includes(id) || only.includes('cache_beside_ttl'),
      )
    } finally {
      end.abort()
      await client.end()
      await invalidator.close()
      redis.disconnect()
      await redisServer.stop()
      await server.stop()
    }
  },
}

interface Result {
  staleness: StalenessReport
  hits: number
  writes: number
}

async function load(
  open: () => Promise<Client>,
  read: (id: number, query: () => Promise<number>) => Promise<{ value: number; isHit: boolean }>,
): Promise<Result> {
  const staleness = new Staleness()
  const until = performance.now() + forMs
  let [hits, writes] = [0, 0]
  /** Some pages are seen far more often than others. */
  const pick = (): number => Math.floor(pages * Math.random() ** 3)
  const readOn = async (): Promise<void> => {
    const client = await open()
    while (performance.now() < until) {
      const id = pick()
      const asked = performance.now()
      // Stands for a query that takes some milliseconds.
      const { value, isHit } = await read(id, async () => {
        const { rows } = await client.query<{ value: number }>(
          'SELECT value FROM pages, (SELECT count(*) FROM generate_series(1, 20000)) work WHERE id = $1',
          [id],
        )
        return rows[0]?.value ?? NaN
      })
      staleness.read(id, value, asked)
      if (isHit) hits += 1
    }
    await client.end()
  }
  const writeOn = async (writer: number): Promise<void> => {
    const client = await open()
    while (performance.now() < until) {
      const id = Math.floor(pick() / writers) * writers + writer
      const { rows } = await client.query<{ value: number }>(
        'UPDATE pages SET value = value + 1 WHERE id = $1 RETURNING value',
        [id],
      )
      staleness.committed(id, rows[0]?.value ?? NaN, performance.now())
      writes += 1
      await pause(80)
    }
    await client.end()
  }
  await Promise.all([
    ...Array.from({ length: readers }, () => readOn()),
    ...Array.from({ length: writers }, (_, at) => writeOn(at)),
  ])
  return { staleness: staleness.report(), hits, writes }
}

function rowsOf(expiring: Result, invalidated: Result): BenchRow[] {
  const describe = ({ staleness, hits, writes }: Result): string =>
    `hit ratio ${((100 * hits) / staleness.reads).toFixed(1)} %, ${((100 * staleness.stale) / staleness.reads).toFixed(2)} % of reads stale, ` +
    `p99 ${Math.round(staleness.p99Ms)} ms, ${writes} writes`
  const how = `expiring after ${ttlMs / 1_000} s: ${describe(expiring)}; invalidated: ${describe(invalidated)}; ${readers} readers and ${writers} writers on ${pages} pages for ${forMs / 1_000} s each`
  const perSecond = ({ staleness }: Result): number => (1_000 * staleness.reads) / forMs
  return [
    benchRow({
      ...{ id: 'cache_beside_ttl_staleness', title: titles.cache_beside_ttl_staleness, how, unit: 'ms' },
      claim: `within the bound of ${boundMs / 1_000} s`,
      before: expiring.staleness.worstMs,
      after: Math.max(0.001, invalidated.staleness.worstMs),
      met: invalidated.staleness.worstMs <= boundMs,
    }),
    moreIsBetterRow({
      ...{ id: 'cache_beside_ttl_throughput', title: titles.cache_beside_ttl_throughput, how, unit: 'per s' },
      claim: 'as many, or more',
      before: perSecond(expiring),
      after: perSecond(invalidated),
      met: perSecond(invalidated) >= perSecond(expiring),
    }),
  ]
}
