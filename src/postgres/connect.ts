import { Client } from 'pg'
import { UsageError } from '../errors.ts'
import { errorCode } from './sqlState.ts'

/** Where a connection goes, without its secrets: what errors and reports may show. */
export interface ConnectionTarget {
  host: string
  port: number
  database: string
  user: string
}

/** `localhost:5432, database "app", user "owner"`; never holds a password. */
export function describeTarget(target: ConnectionTarget): string {
  return `${target.host}:${target.port}, database "${target.database}", user "${target.user}"`
}

export interface ConnectOptions {
  /** The session's `application_name`; `hundredfold` by default. */
  applicationName?: string
  /** How long the login may take; 10 s by default. */
  connectTimeoutMs?: number
  /** How long one answer may take before we give up the session; no limit by default. */
  answerTimeoutMs?: number
}

/** The oldest PostgreSQL that we support, as `server_version_num`. */
const oldestSupported = 140_000

/**
 * Opens one session and checks that it is one we can work with: PostgreSQL 14 or newer.
 *
 * @throws UsageError where the URL is malformed, the server cannot be reached or refuses the login, the
 * database does not exist, or the server is too old. No message holds the URL or the password.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Client> {
  const target = parseTarget(url)
  let client: Client
  try {
    client = new Client({
      connectionString: url,
      application_name: options.applicationName ?? 'hundredfold',
      connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
      keepAlive: true,
      ...(options.answerTimeoutMs === undefined ? {} : { query_timeout: options.answerTimeoutMs }),
    })
  } catch {
    throw malformedUrl()
  }
  // Without a listener a connection that breaks while idle would end the whole process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await refuseOldServer(client, target)
  } catch (error) {
    // Destroyed, not closed in good order: a pooler may keep us waiting even for the close.
    client.connection.stream.destroy()
    throw error instanceof UsageError ? error : explainConnectionError(error, target)
  }
  return client
}

async function refuseOldServer(client: Client, target: ConnectionTarget): Promise<void> {
  const { rows } = await client.query<{ num: number; version: string }>(
    `SELECT current_setting('server_version_num')::int AS num, current_setting('server_version') AS version`,
  )
  const [found] = rows
  if (found && found.num >= oldestSupported) return
  throw new UsageError(
    `The server at ${describeTarget(target)} runs PostgreSQL ${found?.version ?? 'unknown'}.`,
    'hundredfold supports PostgreSQL 14 to 18: upgrade the server first.',
  )
}

/** The parts of a connection URL that may be shown. Throws a UsageError if the text is no such URL. */
export function parseTarget(url: string): ConnectionTarget {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    throw malformedUrl()
  }
  if (!['postgres:', 'postgresql:'].includes(parsed.protocol)) throw malformedUrl()
  try {
    decodeURIComponent(parsed.password)
    const user = decodeURIComponent(parsed.username) || parsed.searchParams.get('user') || 'postgres'
    return {
      host: parsed.searchParams.get('host') ?? (decodeURIComponent(parsed.hostname) || 'localhost'),
      port: Number(parsed.port || (parsed.searchParams.get('port') ?? 5432)),
      database: decodeURIComponent(parsed.pathname.slice(1)) || user,
      user,
    }
  } catch {
    throw malformedUrl()
  }
}

function malformedUrl(): UsageError {
  // The URL is not repeated: it may hold a password.
  return new UsageError(
    'The database URL is malformed.',
    'Write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and percent-encode special characters in the password.',
  )
}

function explainConnectionError(error: unknown, target: ConnectionTarget): UsageError {
  const where = describeTarget(target)
  if (isPoolerFull(error)) {
    return new UsageError(
      `The connection pooler at ${where} has no session left for us: ${safeMessage(error)}.`,
      "Close sessions that nobody uses, raise the pool's size, or connect to the server itself, past the pooler; transaction mode (Supabase: port 6543) takes more clients, but cannot run migrations.",
    )
  }
  const code = errorCode(error)
  switch (code) {
    case 'ECONNREFUSED':
      return new UsageError(
        `No server answers at ${where}: the connection was refused.`,
        'Check host and port, and that the server is running.',
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UsageError(`The host of ${where} is not known.`, 'Check the host name in the URL.')
    case '28P01':
    case '28000':
      return new UsageError(
        `The server refused the login at ${where}.`,
        'Check user and password in the URL; percent-encode special characters in the password.',
      )
    case '3D000':
      return new UsageError(
        `The database does not exist: ${where}.`,
        'Check the database name at the end of the URL, or create the database.',
      )
    case '53300':
      return new UsageError(
        `The server at ${where} has no connection left.`,
        'Close idle connections or raise max_connections, then try again.',
      )
    default:
      return new UsageError(
        `Cannot connect to ${where}: ${safeMessage(error)}.`,
        'Check that the server accepts connections from here.',
      )
  }
}

/**
 * Supavisor: `MaxClientsInSessionMode: max clients reached` or `(EMAXCONNSESSION) ...`, as XX000; PgBouncer:
 * `no more connections allowed (max_client_conn)`, as 08P01.
 */
function isPoolerFull(error: unknown): boolean {
  return (
    error instanceof Error &&
    /MaxClientsInSessionMode|EMAXCONN|max clients reached|max_client_conn/i.test(error.message)
  )
}

function safeMessage(error: unknown): string {
  if (error instanceof AggregateError) return safeMessage(error.errors[0])
  if (!(error instanceof Error)) return 'unknown reason'
  return error.message.replace(/\.$/, '')
}
