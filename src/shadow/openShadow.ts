import type { Client, ClientBase } from 'pg'
import { escapeLiteral } from 'pg'
import { connect } from '../postgres/connect.ts'
import { quote } from '../postgres/identifiers.ts'
import { readFingerprint } from '../fingerprint/fingerprint.ts'
import { startEmbedded } from '../servers/embedded.ts'
import { installedVersions } from '../servers/installation.ts'
import { makeAdministrator, urlOf, using } from './administrator.ts'
import { copyInto, readSource } from './copy.ts'
import { runAndReadLocks } from './locks.ts'
import type { StatementLocks } from './locks.ts'
import { findNotCopied } from './notCopied.ts'
import type { NotCopied } from './notCopied.ts'
import { spareSessions } from './spareSessions.ts'

/** A throw-away PostgreSQL on this machine with the schema of another database, and none of its rows. */
export interface Shadow {
  /** Major version: the source's where it is installed here, else the one that npm brings. */
  version: number
  /** What the shadow lacks, or has in another form; a proof covers everything else. */
  notCopied: NotCopied[]
  /** For a role that may log in; the superuser's where no role is named. Holds a password: never print it. */
  url(role?: string): string
  /** Opens a session as a role, which needs no right to log in; as superuser where none is named. */
  connect(role?: string): Promise<Client>
  /** Runs a statement in a session of the shadow and tells which locks it took. */
  runAndReadLocks(client: ClientBase, sql: string): Promise<StatementLocks>
  /** Where the server keeps its files, on this machine. */
  dataDirectory: string
  /** Ends all sessions: whoever waits for an answer gets an error. */
  endSessions(): Promise<void>
  /** Ends all sessions and starts the server again, at the same URL. */
  restart(): Promise<void>
  close(): Promise<void>
}

export interface ShadowOptions {
  /** Schemas that are left out; by default the one that holds hundredfold's own ledger. */
  except?: string[]
  /** Extensions that a role may create without being a superuser, as on managed platforms. */
  trustedExtensions?: string[]
}

const settings = {
  shared_buffers: '64MB',
  // As large as that of any server with half a gigabyte of buffers: what writes much waits for smaller ones.
  wal_buffers: '16MB',
  // Only the statements that we run may take locks.
  autovacuum: 'off',
  // A session that holds up another one locks every table.
  max_locks_per_transaction: '2048',
}

/**
 * Starts a PostgreSQL and copies the schema of the source's database into it: roles without their passwords,
 * every object with its owner and grants, settings. The source is only read, in one read-only snapshot.
 * What could not be copied is in `notCopied`; it is never an error.
 *
 * ```ts
 * const shadow = await openShadow(client)
 * const session = await shadow.connect('app_owner')
 * await shadow.runAndReadLocks(session, 'ALTER TABLE bookings ADD COLUMN note text')
 * await shadow.close()
 * ```
 */
export async function openShadow(source: ClientBase, options: ShadowOptions = {}): Promise<Shadow> {
  const { except = ['hundredfold'], trustedExtensions = ['pg_stat_statements'] } = options
  const wanted = await majorVersionOf(source)
  const server = await startEmbedded({
    ...(installedVersions().includes(wanted) ? { version: wanted } : {}),
    settings,
    trustedExtensions,
  })
  try {
    const { name: administrator, password } = await makeAdministrator(server)
    const urlIn = (database: string, role = administrator): string =>
      urlOf(server, database, { role, password })

    const available = await using(urlIn('template1'), async (client) => {
      const { rows } = await client.query<{ name: string }>('SELECT name FROM pg_available_extensions')
      return new Set(rows.map(({ name }) => name))
    })
    const copied = await readSource(source, { except, available })
    await using(urlIn('template1'), async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${quote(copied.database)}`)
      await client.query(`CREATE DATABASE ${quote(copied.database)} TEMPLATE template0`)
    })
    const url = (role?: string): string => urlIn(copied.database, role)

    const notCopied = await using(url(), async (client) => {
      const reasons = await copyInto(client, copied)
      await letEveryoneLogIn(client, password)
      return findNotCopied(copied, await readFingerprint(client, { except, roles: 'all' }), reasons, {
        sameVersion: server.version === wanted,
      })
    })
    const open = async (role?: string): Promise<Client> => {
      if (role === undefined) return connect(url())
      return (await mayLogIn(url(), role)) ? connect(url(role)) : connectOnBehalf(url(), role)
    }
    const spare = spareSessions(() => open())
    return {
      version: server.version,
      notCopied,
      url,
      connect: open,
      runAndReadLocks: (client, sql) => runAndReadLocks(client, sql, spare),
      dataDirectory: server.dataDirectory,
      endSessions: () =>
        using(url(), async (client) => {
          await client.query(
            `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
             WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()`,
          )
        }),
      restart: async () => {
        await spare.close()
        await server.restart()
      },
      close: () => spare.close().finally(() => server.stop()),
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function majorVersionOf(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ major: number }>(
    `SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS major`,
  )
  return rows[0]?.major ?? 0
}

/** Passwords are not copied; in the shadow all roles that may log in have the administrator's. */
async function letEveryoneLogIn(client: ClientBase, password: string): Promise<void> {
  await client.query(
    `DO $$ DECLARE statement text; BEGIN
       FOR statement IN SELECT pg_catalog.format('ALTER ROLE %I PASSWORD %L', rolname, ${escapeLiteral(password)})
         FROM pg_catalog.pg_roles WHERE rolcanlogin
       LOOP EXECUTE statement; END LOOP; END $$`,
  )
}

async function mayLogIn(url: string, role: string): Promise<boolean> {
  return using(url, async (client) => {
    const { rowCount } = await client.query(
      'SELECT FROM pg_catalog.pg_roles WHERE rolname = $1 AND rolcanlogin',
      [role],
    )
    return rowCount === 1
  })
}

async function connectOnBehalf(url: string, role: string): Promise<Client> {
  const client = await connect(url)
  await client.query(`SET SESSION AUTHORIZATION ${quote(role)}`)
  return client
}
