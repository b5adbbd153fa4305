import { once } from 'node:events'
import { connect } from '../../postgres/connect.ts'
import { startPgBouncer } from '../../servers/pgbouncer.ts'
import type { PgBouncer } from '../../servers/pgbouncer.ts'
import { median } from '../../median.ts'
import { moreIsBetterRow } from '../bench.ts'
import type { CasaoraDatabase } from '../casaora/database.ts'
import { forkBeside } from '../forkBeside.ts'
import type { BenchRow } from '../row.ts'
import type { ConnectLoad, ConnectReport } from './connectLoad.ts'

const rounds = 5
const roundMs = 1_500
const warmUpMs = 500
const fasterAtLeast = 2
const poolSize = 10
// Enough to keep the cores busy: with eight clients they were idle for a fifth of the time in front of the pool.
const connectingClients = 50
const request = 'SELECT id, name, slug FROM public.cities WHERE is_active ORDER BY name'

/**
 * What a pool gains for clients that connect for every request, as serverless functions do, and how many clients it serves
 * at once. The pool is a real PgBouncer in transaction mode; the clients run in a process of their own.
 *
 * The pool gets the SCRAM secrets that the server stores and no passwords, as with an `auth_query`. So it checks a client
 * without deriving keys, which is most of the cost of a login.
 */
export async function poolingRows(
  database: CasaoraDatabase,
  program: string,
  onStep: (text: string) => void,
): Promise<BenchRow[]> {
  const { secrets, maxConnections } = await readServer(database)
  const pools: PgBouncer[] = []
  const start = async ({ maxClients = 5_000, ...options }: PoolOptions): Promise<string> => {
    const pool = await startPgBouncer({
      program,
      mode: 'transaction',
      logins: [database.ownerUrl],
      settings: {
        default_pool_size: `${poolSize}`,
        max_client_conn: `${maxClients}`,
        // The server does not log them either.
        log_connections: '0',
        log_disconnections: '0',
      },
      ...options,
    })
    pools.push(pool)
    return pool.url(database.ownerUrl)
  }
  try {
    const routes = {
      direct: database.ownerUrl,
      scram: await start({ secrets }),
      password: await start({}),
      trust: await start({ auth: 'trust' }),
    }
    const rates = {
      direct: [] as number[],
      scram: [] as number[],
      password: [] as number[],
      trust: [] as number[],
    }
    for (let round = 1; round <= rounds; round += 1) {
      onStep(`connect per request, round ${round} of ${rounds}`)
      for (const [route, url] of Object.entries(routes) as [keyof typeof rates, string][]) {
        const { served } = await loadBy({
          kind: 'perRequest',
          url,
          clients: connectingClients,
          warmUpMs,
          ms: roundMs,
        })
        rates[route].push((served * 1_000) / roundMs)
      }
    }
    const [direct, scram, password, trust] = [rates.direct, rates.scram, rates.password, rates.trust].map(
      median,
    ) as [number, number, number, number]
    onStep(`${3 * maxConnections} clients at once`)
    const crowd = { kind: 'atOnce', clients: 3 * maxConnections, warmUpMs: 0, ms: 3_000 } as const
    const alone = await loadBy({ ...crowd, url: routes.direct })
    const pooled = await loadBy({ ...crowd, url: routes.scram })
    onStep(`${connectingClients} clients in front of a pool of ${poolSize} in session mode`)
    const session = await start({ secrets, mode: 'session', maxClients: poolSize })
    const many = { kind: 'atOnce', clients: connectingClients, warmUpMs: 0, ms: 3_000 } as const
    const full = await loadBy({ ...many, url: session })
    const solved = await loadBy({ ...many, url: routes.scram })
    const how = `requests per second of ${connectingClients} clients that connect for each, PgBouncer in transaction mode with ${poolSize} server connections, median of ${rounds} rounds in turn`
    const rate = (id: string, title: string, after: number, more: string): BenchRow =>
      moreIsBetterRow({
        id,
        title,
        claim: '2-3x throughput',
        before: direct,
        after,
        unit: 'requests/s',
        met: after / direct >= fasterAtLeast,
        how: `${how}; ${more}`,
      })
    return [
      rate(
        'pooling',
        'Connect per request: direct, then through a pool with SCRAM',
        scram,
        `the pool holds SCRAM secrets; holding passwords it serves ${Math.round(password)} per second, ${(password / direct).toFixed(2)}x`,
      ),
      rate(
        'pooling_trust',
        'The same where the pool trusts its network',
        trust,
        'trust between client and pool',
      ),
      moreIsBetterRow({
        id: 'pooling_saturation',
        title: `Requests of ${connectingClients} clients: a pool of ${poolSize} in session mode, then in transaction mode`,
        claim: 'no more MaxClientsInSessionMode',
        before: full.served,
        after: solved.served,
        unit: 'requests',
        met: full.failed === connectingClients - poolSize && solved.failed === 0,
        how: `in session mode ${full.failed} clients fail (${full.failures[0] ?? 'no error'}), in transaction mode ${solved.failed}; each client asks again 20 ms after its answer, for ${many.ms / 1_000} s`,
      }),
      moreIsBetterRow({
        id: 'pooling_clients',
        title: `Clients served of ${crowd.clients} at once, with max_connections = ${maxConnections}`,
        claim: 'no more MaxClients errors',
        before: alone.servedClients,
        after: pooled.servedClients,
        unit: 'clients',
        met: pooled.failed === 0 && pooled.servedClients === crowd.clients,
        how: `direct ${alone.failed} fail (${alone.failures[0] ?? 'no error'}), through the pool ${pooled.failed}, with ${pooled.served} requests in ${crowd.ms / 1_000} s`,
      }),
    ]
  } finally {
    for (const pool of pools) await pool.stop()
  }
}

interface PoolOptions {
  mode?: 'session'
  auth?: 'trust'
  secrets?: Record<string, string>
  /** In session mode each client keeps a connection of the pool, so that this is the size of the pool. */
  maxClients?: number
}

async function readServer(
  database: CasaoraDatabase,
): Promise<{ secrets: Record<string, string>; maxConnections: number }> {
  const client = await connect(database.superuserUrl)
  try {
    const { rows } = await client.query<{ user: string; secret: string | null; max: string }>(
      `SELECT rolname AS "user", rolpassword AS secret, pg_catalog.current_setting('max_connections') AS max
       FROM pg_catalog.pg_authid WHERE rolname = $1`,
      [decodeURIComponent(new URL(database.ownerUrl).username)],
    )
    const [row] = rows
    if (!row?.secret) throw new Error('the owner has no password')
    return { secrets: { [row.user]: row.secret }, maxConnections: Number(row.max) }
  } finally {
    await client.end()
  }
}

/** Runs the load in a process of its own and returns what its clients saw. */
async function loadBy(load: Omit<ConnectLoad, 'sql'>): Promise<ConnectReport> {
  const child = forkBeside(import.meta.url, 'connectLoad')
  try {
    const report = once(child, 'message')
    child.send({ ...load, sql: request } satisfies ConnectLoad)
    const [answer] = (await report) as [ConnectReport]
    return answer
  } finally {
    if (child.connected) child.kill()
  }
}
