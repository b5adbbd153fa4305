import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { connect } from '../../postgres/connect.ts'
import { quote } from '../../postgres/identifiers.ts'
import { parseWorkload } from '../../workload/workloadFile.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import type { Server, ServerOptions } from '../../servers/server.ts'
import type { CasaoraRows } from './load.ts'
import { casaoraOwner, loadCasaora } from './load.ts'

/** Casaora's database on a throw-away server. */
export interface CasaoraDatabase {
  name: string
  /** As superuser: to measure and to take fingerprints. */
  superuserUrl: string
  /** As the owner, who is no superuser: to run migrations. */
  ownerUrl: string
  drop(): Promise<void>
}

/** The server that Casaora's migrations expect: one on which the owner may enable pg_stat_statements. */
export const casaoraServer: ServerOptions = { trustedExtensions: ['pg_stat_statements'] }

/** The directory of Casaora's migrations. */
export const casaoraMigrations = fileURLToPath(new URL('../../../migrations', import.meta.url))

/** Creates a database of its own on the server and loads Casaora into it. */
export async function createCasaora(
  server: Server,
  rows: CasaoraRows,
  onProgress?: (step: string) => void,
): Promise<CasaoraDatabase> {
  const suffix = randomBytes(4).toString('hex')
  const name = `casaora_${suffix}`
  const password = randomBytes(16).toString('hex')
  await asSuperuser(server.url(), `CREATE DATABASE ${quote(name)}`)
  const superuser = await connect(server.url(name))
  try {
    await loadCasaora(superuser, { rows, password, ...(onProgress ? { onProgress } : {}) })
    // On a server that we did not start the owner may not create this extension; a platform would have enabled it.
    if (server.kind !== 'embedded') {
      await superuser.query('CREATE EXTENSION pg_stat_statements SCHEMA extensions')
    }
  } finally {
    await superuser.end()
  }
  const ownerUrl = new URL(server.url(name))
  ownerUrl.username = casaoraOwner
  ownerUrl.password = password
  return {
    name,
    superuserUrl: server.url(name),
    ownerUrl: ownerUrl.href,
    drop: () => asSuperuser(server.url(), `DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`),
  }
}

/** The statements that Casaora's application sends. */
export async function readCasaoraWorkload(): Promise<WorkloadStatement[]> {
  return parseWorkload(await readFile(new URL('workload.sql', import.meta.url), 'utf8'))
}

async function asSuperuser(url: string, sql: string): Promise<void> {
  const client = await connect(url)
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
