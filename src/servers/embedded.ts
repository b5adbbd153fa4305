import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './freePort.ts'
import { startGuardian } from './guardian.ts'
import type { Guardian } from './guardian.ts'
import { initialise, password } from './initialise.ts'
import { findInstallation } from './installation.ts'
import { madeOnce } from './keepForReuse.ts'
import { runnableInstallation } from './privateCopy.ts'
import { runProgram } from './runProgram.ts'
import type { Programs } from './runProgram.ts'
import type { Server, ServerOptions } from './server.ts'
import { serverAccount } from './serverAccount.ts'
import { makeServerDirectory, writeForServer } from './serverDirectory.ts'
import { throwAwaySettings } from './settings.ts'

/** A PostgreSQL of our own on this machine, reachable from this machine only. */
export interface EmbeddedServer extends Server {
  kind: 'embedded'
  /** PGDATA, a path for PostgreSQL's account. */
  dataDirectory: string
  /** What it runs from: a copy of our own where extensions are trusted. */
  installationDirectory: string
  /** Ends the server at once, without a checkpoint; after `restart` everything that was committed is there again. */
  crash(): Promise<void>
  /** Starts the server again on the same port; a running server is shut down in good order first. */
  restart(): Promise<void>
}

/**
 * Starts a throw-away PostgreSQL: a new data directory in the system's temporary directory, a free port on
 * 127.0.0.1, a random password, UTF-8, locale C. It takes about two seconds, and works as root too.
 *
 * `stop` ends the server and removes the directory; so does the end of our process, whatever ends it. No signal handler
 * is installed, and the server does not keep the process alive.
 *
 * @throws UsageError if the version is not installed; HundredfoldError, with the last lines of PostgreSQL's log, if the
 * server does not start.
 */
export async function startEmbedded(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const installation = findInstallation(options.version)
  const account = serverAccount()
  const directory = makeServerDirectory(account)

  const { trustedExtensions = [] } = options
  const what = `installation ${[installation.version, ...trustedExtensions].join(' ')}`
  const runnable = madeOnce(what, directory, (place) =>
    runnableInstallation(installation, { directory: place, account, trustedExtensions }),
  )
  const programs = { directory: join(runnable.directory, 'bin'), account }
  const cluster = new Cluster(directory, programs)
  try {
    await initialise(cluster.data, installation.version, programs)
    await cluster.startOnFreePort({ ...throwAwaySettings, ...options.settings })
  } catch (error) {
    await cluster.remove()
    throw error
  }
  return {
    kind: 'embedded',
    version: installation.version,
    dataDirectory: cluster.data,
    installationDirectory: runnable.directory,
    url: (database = 'postgres') => cluster.url(database),
    crash: () => cluster.stop('immediate'),
    restart: () => cluster.restart(),
    stop: () => cluster.remove(),
  }
}

/** One data directory and the server on it. */
class Cluster {
  readonly data: string
  private readonly directory: string
  private readonly programs: Programs
  private readonly guardian: Guardian
  private port = 0

  constructor(directory: string, programs: Programs) {
    this.data = join(directory, 'data')
    this.directory = directory
    this.programs = programs
    // When the guardian acts nobody needs the data any more, so the server need not write it to disk.
    const pgCtl = join(programs.directory, 'pg_ctl')
    const end = [pgCtl, 'stop', '--pgdata', this.data, '--mode', 'immediate']
    this.guardian = startGuardian(directory, end, programs.account)
  }

  url(database: string): string {
    return `postgresql://postgres:${password}@127.0.0.1:${this.port}/${encodeURIComponent(database)}`
  }

  /** Another process may take the free port before PostgreSQL does; then the next one is tried. */
  async startOnFreePort(settings: Record<string, string>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      this.port = await freePort()
      this.configure({ ...settings, port: `${this.port}` })
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

  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    if (!existsSync(join(this.data, 'postmaster.pid'))) return
    await runProgram(this.programs, 'pg_ctl', ['stop', '--pgdata', this.data, '--mode', mode])
  }

  async remove(): Promise<void> {
    await this.guardian.clearUp()
  }

  private configure(settings: Record<string, string>): void {
    const all = { ...settings, listen_addresses: '127.0.0.1', unix_socket_directories: '' }
    const lines = Object.entries(all).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    writeForServer(this.programs.account, join(this.data, 'postgresql.auto.conf'), lines.join(''))
  }

  private async start(): Promise<void> {
    const log = join(this.directory, 'server.log')
    const args = ['start', '--pgdata', this.data, '--log', log, '--timeout', '60']
    await runProgram(this.programs, 'pg_ctl', args, log)
  }
}
