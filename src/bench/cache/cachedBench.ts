import { Redis } from 'ioredis'
import type { Client } from 'pg'
import type { Cache } from '../../cache/cache.ts'
import { createCache } from '../../cache/cache.ts'
import { MemoryStore } from '../../cache/memoryStore.ts'
import { NearStore } from '../../cache/nearStore.ts'
import { redisInvalidator } from '../../cache/redisInvalidator.ts'
import { RedisStore } from '../../cache/redisStore.ts'
import type { Invalidator } from '../../cache/invalidator.ts'
import type { Store } from '../../cache/store.ts'
import { connect } from '../../postgres/connect.ts'
import { findProgram } from '../../servers/programs.ts'
import { provideServer } from '../../servers/provideServer.ts'
import { startRedis } from '../../servers/redis.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { median } from '../../median.ts'
import { benchRow } from '../bench.ts'
import { casaoraServer, createCasaora, readCasaoraWorkload } from '../casaora/database.ts'
import type { BenchRow } from '../row.ts'

/** What everybody may see: its answer is the same for every visitor. */
const publicReads = ['home_top_rated', 'search_city', 'count_in_city', 'review_summary']
const goal = 100
/** A process of a web application serves several visitors at once. */
const visitors = 16
const rounds = 9
const readsOfVisitor = 100
const boundMs = 2_000

const titles = {
  cached_redis: 'Public reads: query -> Redis on loopback',
  cached_near: "Public reads: query -> Redis with copies in the process's memory",
  cached_memory: "Public reads: query -> the process's memory",
}

/** Public reads of the marketplace, as a visitor sends them, and from the cache. */
export const cachedBench: Bench = {
  id: 'cached',
  title: 'Public reads from the cache',
  rowIds: Object.keys(titles),
  async run(context) {
    const program = findProgram('redis-server', context.config.path)
    if (!program) {
      for (const id of ['cached_redis', 'cached_near']) context.onSkip?.(id, 'redis-server is not installed')
    }
    const server = await provideServer(context.config, casaoraServer)
    try {
      const database = await createCasaora(server, context.rows, context.onStep)
      const clients = await Promise.all(
        Array.from({ length: visitors }, () => connect(database.superuserUrl)),
      )
      try {
        context.onServer?.(await versionOf(clients[0]))
        const statements = (await readCasaoraWorkload()).filter(({ name }) => publicReads.includes(name))
        const rows = [await inMemory(clients, statements, context)]
        if (program) rows.unshift(...(await inRedis(clients, statements, program, context)))
        const { only } = context
        return rows.filter(({ id }) => only === undefined || only.includes(id) || only.includes('cached'))
      } finally {
        await Promise.all(clients.map((client) => client.end()))
        await database.drop()
      }
    } finally {
      await server.stop()
    }
  },
}

/** Asked for each read, and with copies in the process's memory in front of it. */
async function inRedis(
  clients: readonly Client[],
  statements: readonly WorkloadStatement[],
  program: string,
  context: BenchContext,
): Promise<BenchRow[]> {
  const server = await startRedis(program)
  const redis = new Redis(server.url)
  const invalidator = redisInvalidator(server.url)
  const far = new RedisStore(redis, { boundMs })
  const near = new NearStore(new MemoryStore({ boundMs }), new RedisStore(redis, { boundMs }), redis)
  try {
    return [
      await measureRow('cached_redis', clients, statements, { store: far, invalidator, redis }, context),
      await measureRow('cached_near', clients, statements, { store: near, invalidator }, context),
    ]
  } finally {
    await near.close()
    await far.close()
    await invalidator.close()
    redis.disconnect()
    await server.stop()
  }
}

function inMemory(
  clients: readonly Client[],
  statements: readonly WorkloadStatement[],
  context: BenchContext,
): Promise<BenchRow> {
  const store = new MemoryStore({ boundMs })
  return measureRow('cached_memory', clients, statements, { store, invalidator: store }, context)
}

async function measureRow(
  id: keyof typeof titles,
  clients: readonly Client[],
  statements: readonly WorkloadStatement[],
  { store, invalidator, redis }: { store: Store; invalidator: Invalidator; redis?: Redis },
  { onStep, signal }: BenchContext,
): Promise<BenchRow> {
  const confirming = setInterval(() => void confirm(invalidator).catch(() => undefined), boundMs / 8)
  const cache = createCache({ store })
  const [client] = clients
  if (!client) throw new Error('a client is needed')
  try {
    while (!(await isConfirmed(store))) await confirm(invalidator)
    const weights = statements.reduce((sum, { calls }) => sum + calls, 0)
    const sums = { query: 0, read: 0, aloneQuery: 0, aloneRead: 0, plain: 0 }
    for (const statement of statements) {
      onStep(`${statement.name}: ${titles[id]}`)
      const query = (visitor: number, run: number) => ask(clients[visitor] ?? client, statement, run)
      const read = (_: number, run: number) => cached(cache, client, statement, run)
      const plain = redis && (await plainReads(redis, client, statement))
      // As in a process that has served for a while: the first reads run code that is not compiled yet.
      await timeOf(1, 2_000, read)
      const times = { query: [], read: [], aloneQuery: [], aloneRead: [], plain: [] } as Times
      // In turns, since the speed of a shared machine changes from one second to the next.
      for (let round = 0; round < rounds; round += 1) {
        signal?.throwIfAborted()
        times.query.push(await timeOf(visitors, 1, query))
        times.read.push(await timeOf(visitors, readsOfVisitor, read))
        times.aloneQuery.push(await timeOf(1, 3, query))
        times.aloneRead.push(await timeOf(1, readsOfVisitor, read))
        if (plain) times.plain.push(await timeOf(1, readsOfVisitor, plain))
      }
      for (const key of Object.keys(sums) as (keyof Times)[])
        if (times[key].length > 0) sums[key] += (median(times[key]) * statement.calls) / weights
    }
    const { hits, misses, bypassed } = cache.counts()
    return benchRow({
      ...{
        id,
        title: titles[id],
        claim: `at least ${goal}x`,
        before: sums.query,
        after: sums.read,
        unit: 'ms',
      },
      met: sums.query / sums.read >= goal,
      how:
        `${statements.length} statements of the workload as ${visitors} visitors at once send them to one process, weighed by their calls, ` +
        `in ${rounds} rounds of both, the database as it is before any migration; time divided by the reads; ` +
        `hit ratio ${((100 * hits) / (hits + misses + bypassed)).toFixed(1)} %; ` +
        `one visitor alone waits ${sums.aloneQuery.toFixed(1)} ms for the query, ${sums.aloneRead.toFixed(3)} ms for the cache` +
        (redis ? `, ${sums.plain.toFixed(3)} ms for a plain GET of the same value, parsed` : ''),
    })
  } finally {
    clearInterval(confirming)
  }
}

type Times = Record<'query' | 'read' | 'aloneQuery' | 'aloneRead' | 'plain', number[]>

/** The least that a read from Redis takes here: its value alone, without anything that tells whether it is still true. */
async function plainReads(
  redis: Redis,
  client: Client,
  statement: WorkloadStatement,
): Promise<(visitor: number, run: number) => Promise<unknown>> {
  const keys: string[] = []
  for (const at of statement.args.keys()) {
    const key = `plain:${statement.name}:${at}`
    await redis.set(key, JSON.stringify(await ask(client, statement, at)))
    keys.push(key)
  }
  return async (_, run) => JSON.parse((await redis.get(keys[run % keys.length] ?? '')) ?? 'null') as unknown
}

async function versionOf(client: Client | undefined): Promise<string> {
  const shown = await client?.query<{ server_version: string }>('SHOW server_version')
  return shown?.rows[0]?.server_version ?? ''
}

async function isConfirmed(store: Store): Promise<boolean> {
  return (await store.lookup('', [])).isConfirmed
}

async function confirm(invalidator: Invalidator): Promise<void> {
  const round = await invalidator.begin()
  await round.confirm()
}

function cached(cache: Cache, client: Client, statement: WorkloadStatement, run: number): Promise<unknown> {
  const args = run % statement.args.length
  return cache.get(
    `${statement.name}:${args}`,
    { tags: [`${statement.name}:${args}`, 'professionals'], ttl: 3_600_000 },
    () => ask(client, statement, run),
  )
}

/** As an application sends it: as the visitor's role, with the arguments of its list, in one round trip. */
async function ask(client: Client, statement: WorkloadStatement, run: number): Promise<unknown> {
  const args = statement.args[run % statement.args.length] ?? []
  const claims = client.escapeLiteral(JSON.stringify(statement.claims ?? {}))
  const types = statement.types.length > 0 ? `(${statement.types.join(', ')})` : ''
  const results = await client.query(`BEGIN; SET LOCAL ROLE ${statement.role ?? 'anon'};
    SELECT pg_catalog.set_config('request.jwt.claims', ${claims}, true);
    PREPARE hundredfold_read ${types} AS ${statement.sql};
    EXECUTE hundredfold_read${args.length > 0 ? `(${args.join(', ')})` : ''};
    DEALLOCATE hundredfold_read; COMMIT`)
  // One for each statement; that of EXECUTE is the fifth.
  return (results as unknown as { rows: unknown[] }[])[4]?.rows ?? []
}

/** Milliseconds for each of `runs` runs of so many visitors at once. */
async function timeOf(
  visitors: number,
  runs: number,
  work: (visitor: number, run: number) => Promise<unknown>,
): Promise<number> {
  const started = performance.now()
  await Promise.all(
    Array.from({ length: visitors }, async (_, visitor) => {
      for (let run = 0; run < runs; run += 1) await work(visitor, visitor + run)
    }),
  )
  return (performance.now() - started) / (visitors * runs)
}
