import { readConnectionUse } from '../../catalog/connections.ts'
import type { Session } from '../../catalog/sessions.ts'
import { listClientSessions } from '../../catalog/sessions.ts'
import { connectionLimits } from '../../metrics/connectionLimits.ts'
import type { Answer, Place, Symptom } from '../symptom.ts'

const listing = 'npx hundredfold connections'
const ending = `${listing} --terminate-idle 10m --terminate-idle-in-transaction 5m`
const transactionMode =
  'Point DATABASE_URL at the pooler in transaction mode (Supabase: port 6543), and keep DIRECT_URL for migrations; see docs/connections.md.'
/** From how long on `--terminate-idle` may be advised; the first one that ends somebody is taken. */
const idleTimes = [
  ['10m', 600],
  ['1m', 60],
  ['10s', 10],
] as const

interface Saturation {
  lines: string[]
  isFull: boolean
  /** What ends sessions that do nothing; empty where there is none. */
  ending: string[]
}

/** How full the server is, and what fills it. */
async function saturation({ read }: Place): Promise<Saturation> {
  const use = await read(readConnectionUse)
  const [nearest] = connectionLimits(use)
  const sessions = (await read(listClientSessions)).filter(({ isSuperuser }) => !isSuperuser)
  const idle = sessions.filter(({ state }) => state === 'idle')
  const inTransaction = sessions.filter(({ state }) => state?.startsWith('idle in transaction'))
  const poolers = sessions.filter(({ application }) => /supavisor|pgbouncer|pgcat|odyssey/i.test(application))
  const options = [
    ...endingOf('--terminate-idle', idle),
    ...endingOf('--terminate-idle-in-transaction', inTransaction),
  ]
  return {
    isFull: nearest.isSaturated,
    ending: options.length > 0 ? [[listing, ...options].join(' ')] : [],
    lines: [
      `${nearest.used} of ${nearest.limit} connections ${nearest.place} are taken: ${use.active} active, ${use.idle} idle, ${use.idleInTransaction} idle in a transaction.`,
      ...(idle.length > 0
        ? [`In this database ${idle.length} are idle, the longest for ${Math.round(longest(idle))} s.`]
        : []),
      ...(poolers.length > 0 ? [`${poolers.length} come from a pooler that names itself.`] : []),
    ],
  }
}

/** The option with the longest time that ends at least one of them. */
function endingOf(option: string, sessions: Session[]): string[] {
  const time = idleTimes.find(([, seconds]) => longest(sessions) >= seconds)?.[0]
  return time === undefined ? [] : [`${option} ${time}`]
}

function longest(sessions: Session[]): number {
  return Math.max(-Infinity, ...sessions.map(({ stateSeconds }) => stateSeconds ?? 0))
}

const poolKeeps = 'In session mode each client keeps one of its connections until it disconnects.'

async function poolIsFull(place: Place): Promise<Answer> {
  const { lines, isFull, ending: end } = await saturation(place)
  return {
    here: [
      ...lines,
      isFull
        ? 'The server itself is nearly full.'
        : `The server itself has room: where clients still see the error, it is the pool that is full. ${poolKeeps}`,
    ],
    commands: [
      ...(isFull && end.length === 0 ? [ending] : end),
      transactionMode,
      "Set the client's own pool to 1 in serverless functions; API clients hold no connection (persistSession: false).",
      'npx hundredfold diagnose --rules missing_statement_timeout,idle_in_transaction',
      `${listing} --sample 30s`,
    ],
  }
}

async function serverIsFull(place: Place): Promise<Answer> {
  const { lines, ending: end } = await saturation(place)
  return { here: lines, commands: [...(end.length > 0 ? end : [ending]), transactionMode, listing] }
}

/** `MaxClientsInSessionMode` and `EMAXCONNSESSION` of Supabase's pooler, `max_client_conn` of PgBouncer. */
export const sessionPoolFull: Symptom = {
  id: 'session_pool_full',
  means: 'The pool in session mode has given each of its connections to a client, and has none left.',
  patterns: [/MaxClientsInSessionMode/i, /EMAXCONNSESSION/i, /max clients reached/i, /max_client_conn/i],
  look: poolIsFull,
  otherwise: [transactionMode, listing],
}

export const connectionSymptoms: Symptom[] = [
  sessionPoolFull,
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
    async look(place) {
      const { lines, ending: end } = await saturation(place)
      return {
        here: [
          ...lines,
          end.length > 0
            ? `Sessions that do nothing may keep the connections of the pool. ${poolKeeps}`
            : 'Either the pool is too small, or statements keep its connections for too long.',
        ],
        commands: [
          ...end,
          `${listing} --sample 30s`,
          'npx hundredfold diagnose --rules slow_query,idle_in_transaction',
          ...(end.length > 0 ? [transactionMode] : []),
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
    async look(place) {
      const { lines } = await saturation(place)
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
