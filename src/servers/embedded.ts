import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { HundredfoldError, exitCodes } from '../errors.ts'
import { findInstallation } from './installation.ts'
import { runnableInstallation } from './privateCopy.ts'
import type { Server, ServerOptions } from './server.ts'
import { serverAccount } from './serverAccount.ts'
import type { Account } from './serverAccount.ts'
import { throwAwaySettings } from './settings.ts'

/** A PostgreSQL of our own on this machine, reachable from this machine only. */
export interface EmbeddedServer extends Server {
  kind: 'embedded'
  /** PGDATA, as PostgreSQL's account sees it. */
  dataDirectory: string
  /** Ends the server at once, without a checkpoint: what is committed is found again by `restart`. */
  crash(): Promise<void>
  /** Starts the server again on the same port; one that runs is shut down in good order first. */
  restart(): Promise<void>
}

/**
 * Starts a throw-away PostgreSQL: a new data directory in the system's temporary directory, a free port on
 * 127.0.0.1, a random password, UTF-8, locale C. It takes about two seconds, and works as root too.
 *
 * `stop` ends it and removes the directory, and so does the end of our process, however it comes about. No
 * signal handler is installed and the server does not keep the process alive.
 *
 * @throws UsageError where the version is not installed; HundredfoldError, with the last lines of PostgreSQL's
 * log, where the server does not start.
 */
export async function startEmbedded(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const installation = findInstallation(options.version)
  const account = serverAccount()
  const directory = mkdtempSync(join(tmpdir(), 'hundredfold-'))
  if (account.uid !== undefined && account.gid !== undefined) chownSync(directory, account.uid, account.gid)

  const { directory: programs } = runnableInstallation(installation, {
    directory,
    account,
    trustedExtensions: options.trustedExtensions ?? [],
  })
  const cluster = new Cluster(directory, join(programs, 'bin'), account)
  try {
    await cluster.initialise()
    await cluster.startOnFreePort({ ...throwAwaySettings, ...options.settings })
  } catch (error) {
    await cluster.remove()
    throw error
  }
  return {
    kind: 'embedded',
    version: installation.version,
    dataDirectory: cluster.data,
    url: (database = 'postgres') => cluster.url(database),
    crash: () => cluster.stop('immediate'),
    restart: () => cluster.restart(),
    stop: () => cluster.remove(),
  }
}

const run = promisify(execFile)

/** One data directory and the server on it. */
class Cluster {
  readonly data: string
  private readonly password = randomBytes(24).toString('base64url')
  private readonly guardian: ChildProcess
  private port = 0

  private readonly directory: string
  private readonly programs: string
  private readonly account: Account

  constructor(directory: string, programs: string, account: Account) {
    this.directory = directory
    this.programs = programs
    this.account = account
    this.data = join(directory, 'data')
    this.guardian = startGuardian(directory, join(programs, 'pg_ctl'), account)
  }

  url(database: string): string {
    return `postgresql://postgres:${this.password}@127.0.0.1:${this.port}/${encodeURIComponent(database)}`
  }

  async initialise(): Promise<void> {
    const passwordFile = join(this.directory, 'password')
    this.write(passwordFile, this.password)
    await this.run('initdb', [
      ...['--pgdata', this.data, '--username', 'postgres', '--pwfile', passwordFile],
      ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
    ])
  }

  /** Between finding a port free and PostgreSQL taking it somebody else may; then another one is tried. */
  async startOnFreePort(settings: Record<string, string>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      this.port = await freePort()
      const all = {
        ...settings,
        listen_addresses: '127.0.0.1',
        port: `${this.port}`,
        unix_socket_directories: '',
      }
      const lines = Object.entries(all).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
      this.write(join(this.data, 'postgresql.auto.conf'), lines.join(''))
      try {
        return await this.start()
      } catch (error) {
        const taken = error instanceof Error && error.message.includes('Address already in use')
        if (!taken || attempt === 5) throw error
      }
    }
  }

  async restart(): Promise<void> {
    await this.stop('fast')
    await this.start()
  }

  /** Does nothing where the server does not run. */
  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    await this.run('pg_ctl', ['stop', '--pgdata', this.data, '--mode', mode]).catch(() => undefined)
  }

  /** The guardian stops the server and removes the directory when its input ends. */
  async remove(): Promise<void> {
    if (this.guardian.exitCode !== null || this.guardian.signalCode !== null) return
    this.guardian.ref()
    const gone = once(this.guardian, 'exit')
    this.guardian.stdin?.end()
    await gone
  }

  private async start(): Promise<void> {
    const log = join(this.directory, 'server.log')
    await this.run('pg_ctl', ['start', '--pgdata', this.data, '--log', log, '--timeout', '60'], log)
  }

  /** @throws HundredfoldError with what the program, or the log that it writes, said last. */
  private async run(program: 'initdb' | 'pg_ctl', args: string[], log?: string): Promise<void> {
    try {
      await run(join(this.programs, program), args, {
        ...this.account,
        cwd: '/',
        // The environment of our process may hold secrets, and settings for another PostgreSQL.
        env: { LC_ALL: 'C', TZ: 'UTC' },
      })
    } catch (error) {
      const said = error as { stderr?: string; message: string }
      const text = (log && readIfThere(log)) || said.stderr || said.message
      throw new HundredfoldError(
        exitCodes.unexpected,
        `The embedded PostgreSQL did not start: ${lastLines(text, 5)}`,
        'Set TEST_DATABASE_URL to a server on which databases may be created, or mend what PostgreSQL names.',
        { cause: error },
      )
    }
  }

  private write(file: string, text: string): void {
    writeFileSync(file, text, { mode: 0o600 })
    const { uid, gid } = this.account
    if (uid !== undefined && gid !== undefined) chownSync(file, uid, gid)
  }
}

/** In a session of its own, so that a Ctrl-C in our terminal does not reach it. */
function startGuardian(directory: string, pgCtl: string, { uid, gid }: Account): ChildProcess {
  const program = fileURLToPath(new URL('guardian.mjs', import.meta.url))
  const account = uid === undefined || gid === undefined ? [] : [`${uid}`, `${gid}`]
  const guardian = spawn(process.execPath, [program, directory, pgCtl, ...account], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guardian.unref()
  ;(guardian.stdin as Socket).unref()
  return guardian
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join(' / ')
}
