import type { Config } from '../config.ts'
import { startEmbedded } from './embedded.ts'
import { useExternal } from './external.ts'
import type { Server, ServerOptions } from './server.ts'
import { dockerAnswers, startContainer, testcontainersIsInstalled } from './testcontainers.ts'

/**
 * The server for tests, demo and bench: `TEST_DATABASE_URL` if it is set, else a container if a Docker engine answers
 * and Testcontainers is installed, else an embedded PostgreSQL. The options apply to servers that we start; an external
 * one is used as it is.
 */
export async function provideServer(config: Config, options: ServerOptions = {}): Promise<Server> {
  if (config.testDatabaseUrl) return useExternal(config.testDatabaseUrl)
  if (testcontainersIsInstalled() && (await dockerAnswers())) return startContainer(options)
  return startEmbedded(options)
}
