import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { freePort } from './freePort.ts'
import { startGuardian } from './guardian.ts'
import { serverAccount } from './serverAccount.ts'
import { makeServerDirectory, writeForServer } from './serverDirectory.ts'

/** A real PgBouncer of our own on this machine. */
export interface PgBouncer {
  /** The same login to the same database, through the pool. */
  url(directUrl: string): string
  /** Its admin console, for `SHOW POOLS` and the like. */
  consoleUrl: string
  stop(): Promise<void>
}

export interface PgBouncerOptions {
  /** Where the program is; see findProgram. */
  program: string
  mode: 'session' | 'transaction'
  /** Direct URLs on one server, one for each user that the pool lets through. */
  logins: string[]
  /** How a client proves to the pool who it is; the pool itself always logs in with the password. */
  auth?: 'scram-sha-256' | 'trust'
  /**
   * The secrets that the server stores (`pg_authid.rolpassword`), by user. With these the pool knows no password: it
   * checks clients against the secret and logs in with the client's keys, as pools with an `auth_query` do.
   */
  secrets?: Record<string, string>
  /** Further lines of its configuration, such as `{ default_pool_size: '2' }`. */
  settings?: Record<string, string>
}

/** Starts PgBouncer in front of a server; it ends with `stop` or with our process. */
export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const logins = options.logins.map((login) => new URL(login))
  const server = logins[0]
  if (!server) throw new Error('PgBouncer needs at least one login')
  const account = serverAccount()
  const directory = makeServerDirectory(account)
  const port = await freePort()
  const users = join(directory, 'users.txt')
  const configuration = join(directory, 'pgbouncer.ini')
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: `${port}`,
    unix_socket_dir: '',
    pool_mode: options.mode,
    auth_type: options.auth ?? 'scram-sha-256',
    auth_file: users,
    admin_users: logins.map(({ username }) => decodeURIComponent(username)).join(','),
    ...options.settings,
  }
  const lines = Object.entries(settings).map((line) => line.join(' = '))
  writeForServer(
    account,
    users,
    logins
      .map(({ username, password }) => {
        const user = decodeURIComponent(username)
        return `${quoted(user)} ${quoted(options.secrets?.[user] ?? decodeURIComponent(password))}\n`
      })
      .join(''),
  )
  writeForServer(
    account,
    configuration,
    ['[databases]', `* = host=${server.hostname} port=${server.port}`, '[pgbouncer]', ...lines, ''].join(
      '\n',
    ),
  )

  const bouncer = spawn(options.program, [configuration], {
    ...account,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const guardian = startGuardian(directory, ['sh', '-c', `kill ${bouncer.pid}`], account)
  await hasStarted(bouncer.stderr)

  const through = (directUrl: string): string => {
    const url = new URL(directUrl)
    url.host = `127.0.0.1:${port}`
    return url.href
  }
  const consoleUrl = new URL(through(server.href))
  consoleUrl.pathname = '/pgbouncer'
  return {
    url: through,
    consoleUrl: consoleUrl.href,
    stop: () => guardian.clearUp(),
  }
}

function hasStarted(log: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    const read = (part: Buffer): void => {
      text += part.toString()
      if (!text.includes('process up')) return
      // PgBouncer goes on writing, two lines per client: discard them, or the text would grow for ever.
      log.off('data', read)
      log.resume()
      resolve()
    }
    log.on('data', read)
    log.on('end', () => reject(new Error(`PgBouncer did not start:\n${text}`)))
  })
}

/** A name, password or secret in the notation of PgBouncer's list of users. */
function quoted(part: string): string {
  return `"${part.replaceAll('"', '""')}"`
}
