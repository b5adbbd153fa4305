import { readConnectionUse } from '../../../catalog/connections.ts'
import { listClientSessions } from '../../../catalog/sessions.ts'
import { readOnce } from '../../../catalog/reader.ts'
import { connectionLimits } from '../../../metrics/connectionLimits.ts'
import type { Database } from '../../../postgres/database.ts'
import type { Answer, Symptom } from '../symptom.ts'

const listing = 'npx hundredfold connections'
const ending = 'npx hundredfold connections --terminate-idle 10m --terminate-idle-in-transaction 5m'
const transactionMode =
  'Point DATABASE_URL at the pooler in transaction mode (Supabase: port 6543), and keep DIRECT_URL for migrations; see docs/connections.md.'

/** How full the server is, and what fills it. */
async function saturation(db: Database): Promise<{ lines: string[]; isFull: boolean; idle: number }> {
  const use = await readConnectionUse(db)
  const [nearest] = connectionLimits(use)
  const sessions = await readOnce(db)(listClientSessions)
  const old = sessions.filter(
    ({ state, stateSeconds }) => state === 'idle' && (stateSeconds ?? 0) >= 600,
  ).length
  return {
    isFull: nearest.isSaturated,
    idle: old,
    lines: [
      `${nearest.used} of ${nearest.limit} connections ${nearest.place} are taken: ${use.active} active, ${use.idle} idle, ${use.idleInTransaction} idle in a transaction.`,
      ...(old > 0 ? [`${old} have been idle for ten minutes or longer.`] : []),
    ],
  }
}

async function poolIsFull(db: Database): Promise<Answer> {
  const { lines, isFull, idle } = await saturation(db)
  return {
    here: [
      ...lines,
      isFull
        ? 'The server itself is nearly full.'
        : 'The server itself has room: it is the pool that is full. In session mode each client keeps one of its connections until it disconnects.',
    ],
    commands: [...(isFull || idle > 0 ? [ending] : []), transactionMode, `${listing} --sample 30s`],
  }
}

async function serverIsFull(db: Database): Promise<Answer> {
  const { lines } = await saturation(db)
  return { here: lines, commands: [ending, transactionMode, listing] }
}

export const connectionSymptoms: Symptom[] = [
  {
    id: 'session_pool_full',
    means: 'The pool in session mode has given each of its connections to a client, and has none left.',
    patterns: [/MaxClientsInSessionMode/i, /EMAXCONNSESSION/i, /max clients reached/i, /max_client_conn/i],
    look: poolIsFull,
    otherwise: [transactionMode, listing],
  },
  {
    id: 'too_many_clients',
    means: 'The server, the database or the role has as many connections as it allows.',
    patterns: [
      /too many clients already/i,
      /remaining connection slots are reserved/i,
      /too many connections for (role|database)/i,
      /\b53300\b/,
    ],
    look: serverIsFull,
    otherwise: [ending, transactionMode],
  },
  {
    id: 'pool_wait_timeout',
    means: 'The client has waited for a connection of the pool longer than the pool lets it.',
    patterns: [
      /query_wait_timeout/i,
      /timeout exceeded when trying to connect/i,
      /Timed out fetching a new connection/i,
      /P2024/,
    ],
    async look(db) {
      const { lines } = await saturation(db)
      return {
        here: [...lines, 'Either the pool is too small, or statements keep its connections for too long.'],
        commands: [
          `${listing} --sample 30s`,
          'npx hundredfold diagnose --rules slow_query,idle_in_transaction',
        ],
      }
    },
    otherwise: [`${listing} --sample 30s`],
  },
  {
    id: 'connection_lost',
    means: 'The server, the pooler or something between has closed the connection.',
    patterns: [
      /connection to server was lost/i,
      /server closed the connection unexpectedly/i,
      /Connection terminated( unexpectedly)?/i,
      /SSL connection has been closed unexpectedly/i,
      /ECONNRESET/i,
      /terminating connection due to administrator command/i,
      /\b57P01\b/,
    ],
    async look(db) {
      const { lines } = await saturation(db)
      return {
        here: [
          ...lines,
          'Sessions end by an administrator, by a restart, by a timeout of the server or of a firewall between, or by a pooler that is full.',
        ],
        commands: [
          listing,
          'Let the client connect again after an error, and close connections that it does not use.',
        ],
      }
    },
    otherwise: [listing],
  },
  {
    id: 'no_such_tenant',
    means:
      'The pooler does not know the user name: on Supabase it carries the project, as in postgres.PROJECT.',
    patterns: [/Tenant or user not found/i],
    look: () =>
      Promise.resolve({
        here: ['This database answers at the configured URL, so the URL of the application differs from it.'],
        commands: [
          'Copy the URL of the pooler from the dashboard again: user postgres.PROJECT, the host of its region.',
          listing,
        ],
      }),
    otherwise: [
      'Copy the URL of the pooler from the dashboard again: user postgres.PROJECT, the host of its region.',
    ],
  },
  {
    id: 'cannot_login',
    means: 'The server or the pooler refuses the login.',
    patterns: [
      /password authentication failed/i,
      /SASL authentication failed/i,
      /no pg_hba\.conf entry/i,
      /\b28P01\b/,
      /\b28000\b/,
    ],
    look: () =>
      Promise.resolve({
        here: ['The configured URL logs in, so the URL of the application has another user or password.'],
        commands: [
          'Compare user and host of both URLs; percent-encode special characters in the password.',
          listing,
        ],
      }),
    otherwise: ['Check user and password in the URL; percent-encode special characters in the password.'],
  },
  {
    id: 'cannot_reach',
    means: 'Nothing answers at the host and port.',
    patterns: [
      /ECONNREFUSED/i,
      /ETIMEDOUT/i,
      /ENETUNREACH/i,
      /EHOSTUNREACH/i,
      /ENOTFOUND/i,
      /could not translate host name/i,
      /Connection refused/i,
    ],
    look: () =>
      Promise.resolve({
        here: ['The configured URL is reached from this machine.'],
        commands: [
          'From a network without IPv6 use the pooler: Supabase gives its direct host an IPv6 address only.',
          listing,
        ],
      }),
    otherwise: [
      'Check host and port. From a network without IPv6 use the pooler: Supabase gives its direct host an IPv6 address only.',
    ],
  },
  {
    id: 'prepared_statement',
    means:
      'Prepared statements belong to a session, and a pooler in transaction mode gives each transaction another one.',
    patterns: [/prepared statement ".*" (already exists|does not exist)/i, /\b26000\b/, /\b42P05\b/],
    look: () =>
      Promise.resolve({
        here: [
          '`connections` tries each configured URL and says which of them leads to a pooler in transaction mode.',
        ],
        commands: [
          listing,
          'Turn prepared statements off in the client (Prisma: pgbouncer=true; postgres.js: prepare: false), or let PgBouncer 1.21 and newer keep them: max_prepared_statements = 200.',
        ],
      }),
    otherwise: [
      'Turn prepared statements off in the client (Prisma: pgbouncer=true; postgres.js: prepare: false).',
    ],
  },
]
