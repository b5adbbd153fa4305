import { Client } from 'pg'
import { parseTarget } from '../../postgres/connect.ts'

/** A pool of PgBouncer: one user on one database. Counts of connections. */
export interface Pool {
  database: string
  user: string
  mode: string
  clientsActive: number
  clientsWaiting: number
  serversActive: number
  serversIdle: number
  /** How long the first client in the queue has waited. */
  longestWaitSeconds: number
}

/** A client of PgBouncer. */
export interface PoolClient {
  application: string
  user: string
  database: string
  state: string
  address: string
}

export interface PoolerView {
  pools: Pool[]
  clients: PoolClient[]
}

/** What the pooler says of itself, or why it cannot be asked. */
export type PoolerAnswer = { view: PoolerView } | { notSeen: string }

type Row = Record<string, string | number | null>

/**
 * Asks PgBouncer's console, the database `pgbouncer` behind the same host and login: `SHOW POOLS` and `SHOW CLIENTS`.
 * The login has to be one of its `stats_users` or `admin_users`. Supavisor has no console.
 */
export async function askPooler(url: string): Promise<PoolerAnswer> {
  const { host, port } = parseTarget(url)
  const console = new URL(url)
  console.pathname = '/pgbouncer'
  const client = new Client({
    connectionString: console.href,
    application_name: 'hundredfold',
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const pools = await client.query<Row>('SHOW POOLS')
    const clients = await client.query<Row>('SHOW CLIENTS')
    return {
      view: {
        pools: pools.rows.map(poolOf).filter(({ database }) => database !== 'pgbouncer'),
        clients: clients.rows.map(clientOf).filter(({ database }) => database !== 'pgbouncer'),
      },
    }
  } catch {
    return {
      notSeen:
        `The pooler at ${host}:${port} does not answer SHOW POOLS: it is no PgBouncer, or this user is not in its ` +
        'stats_users. Supavisor shows its pools on the dashboard only.',
    }
  } finally {
    client.connection.stream.destroy()
  }
}

function poolOf(row: Row): Pool {
  return {
    database: text(row['database']),
    user: text(row['user']),
    mode: text(row['pool_mode']),
    clientsActive: Number(row['cl_active'] ?? 0),
    clientsWaiting: Number(row['cl_waiting'] ?? 0),
    serversActive: Number(row['sv_active'] ?? 0),
    serversIdle: Number(row['sv_idle'] ?? 0) + Number(row['sv_used'] ?? 0),
    longestWaitSeconds: Number(row['maxwait'] ?? 0) + Number(row['maxwait_us'] ?? 0) / 1_000_000,
  }
}

function clientOf(row: Row): PoolClient {
  return {
    application: text(row['application_name']),
    user: text(row['user']),
    database: text(row['database']),
    state: text(row['state']),
    address: text(row['addr']),
  }
}

function text(value: string | number | null | undefined): string {
  return value === null || value === undefined ? '' : String(value)
}
