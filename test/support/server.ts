import type { TestProject } from 'vitest/node'
import { loadConfig } from '../../src/config.ts'
import { provideServer } from '../../src/servers/provideServer.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser's URL of the server that all test files share. */
    serverUrl: string
  }
}

/** Starts the server before the first test file, and stops it after the last. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const config = loadConfig()
  const server = await provideServer(config, {
    version: config.testPostgresVersion,
    trustedExtensions: ['pg_stat_statements'],
    // Concurrent test files open a connection or more each, and programs under test open theirs.
    settings: { max_connections: '200' },
  })
  project.provide('serverUrl', server.url())
  return () => server.stop()
}
