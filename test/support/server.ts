import { createHash, randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { casaoraOwner, loadCasaora } from '../../src/bench/casaora/load.ts'
import { loadConfig } from '../../src/config.ts'
import { connect } from '../../src/postgres/connect.ts'
import { quote } from '../../src/postgres/identifiers.ts'
import { provideServer } from '../../src/servers/provideServer.ts'
import type { Server } from '../../src/servers/server.ts'
import { seldomAutovacuum } from './seldomAutovacuum.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser's URL of the server that all test files share. */
    serverUrl: string
    /** Name of a database with Casaora's tiny rows, to be copied. */
    casaoraTemplate: string
    /** Password of `casaora_owner`, who owns the databases of the tests. */
    ownerPassword: string
    /** Two roles that `casaora_owner` is a member of. */
    ownerGroups: [string, string]
  }
}

/**
 * Starts the server before the first test file, and stops it after the last.
 *
 * The template and the roles are made before any test, though not every run needs them: roles belong to the whole
 * server, and must not turn up while a test compares fingerprints.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const config = loadConfig()
  const server = await provideServer(config, {
    version: config.testPostgresVersion,
    trustedExtensions: ['pg_stat_statements'],
    settings: {
      // Test files run at the same time, and the programs under test open connections of their own.
      max_connections: '200',
      // Their statements must not crowd out those that a test looks for.
      'pg_stat_statements.max': '50000',
      ...seldomAutovacuum,
    },
  })
  const template = `casaora_template_${randomBytes(4).toString('hex')}`
  // As secret as the server's own, and the same for every run that shares the server.
  const ownerPassword = createHash('sha256').update(server.url()).digest('base64url')
  const ownerGroups: [string, string] = [`${template}_keeper`, `${template}_other`]
  try {
    await makeTemplate(server, template, ownerPassword)
    for (const name of ownerGroups)
      await runAsSuperuser(server, `CREATE ROLE ${name}; GRANT ${name} TO ${quote(casaoraOwner)}`)
  } catch (error) {
    await server.stop()
    throw error
  }
  project.provide('serverUrl', server.url())
  project.provide('casaoraTemplate', template)
  project.provide('ownerPassword', ownerPassword)
  project.provide('ownerGroups', ownerGroups)
  return async () => {
    try {
      await runAsSuperuser(server, `DROP DATABASE ${template}`)
      await runAsSuperuser(server, `DROP ROLE ${ownerGroups.join(', ')}`)
    } finally {
      await server.stop()
    }
  }
}

async function makeTemplate(server: Server, name: string, ownerPassword: string): Promise<void> {
  await runAsSuperuser(server, `CREATE DATABASE ${name} TEMPLATE template0`)
  const loader = await connect(server.url(name))
  try {
    await loadCasaora(loader, { rows: 'tiny', password: ownerPassword })
  } finally {
    await loader.end()
  }
}

async function runAsSuperuser(server: Server, sql: string): Promise<void> {
  const superuser = await connect(server.url())
  try {
    await superuser.query(sql)
  } finally {
    await superuser.end()
  }
}
