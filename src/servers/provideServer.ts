import type { Config } from '../config.ts'
import { startEmbedded } from './embedded.ts'
import { useExternal } from './external.ts'
import type { Server, ServerOptions } from './server.ts'
import { dockerAnswers, startContainer, testcontainersIsInstalled } from './testcontainers.ts'

/**
 * The server that tests, demo and bench work on, the same way for all of them: `TEST_DATABASE_URL` where it
 * is set, else a container where a Docker engine answers and Testcontainers is installed, else an embedded
 * PostgreSQL. The options shape a server that we start; an external one is taken as it is.
 */
export async function provideServer(config: Config, options: ServerOptions = {}): Promise<Server> {
  if (config.testDatabaseUrl) return useExternal(config.testDatabaseUrl)
  if (testcontainersIsInstalled() && (await dockerAnswers())) return startContainer(options)
  return startEmbedded(options)
}
