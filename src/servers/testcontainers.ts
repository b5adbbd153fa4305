import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { withDatabase } from './external.ts'
import type { Server, ServerOptions } from './server.ts'
import { throwAwaySettings } from './settings.ts'

/** Whether a Docker engine answers within a second; without Docker the check takes less than a tenth of that. */
export async function dockerAnswers(): Promise<boolean> {
  try {
    await promisify(execFile)('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 1_000 })
    return true
  } catch {
    return false
  }
}

/** True in a checkout, where Testcontainers is a development dependency; false in an installed package. */
export function testcontainersIsInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve('@testcontainers/postgresql')
    return true
  } catch {
    return false
  }
}

/** Starts PostgreSQL in a container, which ends with our process. Needs Docker and Testcontainers. */
export async function startContainer(options: ServerOptions = {}): Promise<Server> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql')
  const version = options.version ?? 18
  const settings = Object.entries({ ...throwAwaySettings, ...options.settings })
  const container = await new PostgreSqlContainer(`postgres:${version}`)
    .withUsername('postgres')
    .withEnvironment({ POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C' })
    .withCommand(['postgres', ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])])
    .start()
  for (const extension of options.trustedExtensions ?? []) {
    const control = `"$(pg_config --sharedir)/extension/${extension}.control"`
    await container.exec(['sh', '-c', `echo 'trusted = true' >> ${control}`], { user: 'root' })
  }
  return {
    kind: 'testcontainers',
    version,
    url: (database = 'postgres') => withDatabase(container.getConnectionUri(), database),
    stop: async () => {
      await container.stop()
    },
  }
}
