import { randomBytes } from 'node:crypto'
import { Client, escapeLiteral } from 'pg'
import { inject } from 'vitest'
import { casaoraOwner, loadCasaora } from '../../src/bench/casaora/load.ts'
import { connect } from '../../src/db/connect.ts'
import { quote } from '../../src/db/identifiers.ts'

/** A database of one test file's own. */
export interface TestDatabase {
  name: string
  /** As superuser. */
  url: string
  /** As the role that owns the database and what is in it, and is no superuser. */
  ownerUrl: string
  /** Opens a session, which `drop` ends: as superuser, or with the URL given. */
  connect(url?: string): Promise<Client>
  drop(): Promise<void>
}

/** The same on every server of the test suite; nothing outside this machine can use it. */
const ownerPassword = 'casaora'

const casaoraTemplate = 'casaora_template'

/**
 * Makes a database for one test file: empty, or Casaora's with tiny rows. Both belong to `casaora_owner`.
 *
 * ```ts
 * let database: TestDatabase
 * beforeAll(async () => { database = await createDatabase({ from: 'casaora' }) })
 * afterAll(() => database.drop())
 * ```
 */
export async function createDatabase(options: { from?: 'empty' | 'casaora' } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await asSuperuser(async (superuser) => {
    // Template databases may be copied once at a time, and roles are made once: one test file after the other.
    await superuser.query(`SELECT pg_advisory_lock(hashtext('hundredfold tests'))`)
    await makeOwner(superuser)
    if (options.from === 'casaora') await makeCasaoraTemplate(superuser)
    const template = options.from === 'casaora' ? casaoraTemplate : 'template0'
    await superuser.query(`CREATE DATABASE ${quote(name)} TEMPLATE ${template} OWNER ${quote(casaoraOwner)}`)
  })

  const url = urlOf(name)
  const sessions = new Set<Client>()
  return {
    name,
    url,
    ownerUrl: urlOf(name, { user: casaoraOwner, password: ownerPassword }),
    connect: async (as = url) => {
      const client = await connect(as, { applicationName: 'test' })
      sessions.add(client)
      return client
    },
    drop: async () => {
      await Promise.all(Array.from(sessions, (session) => session.end()))
      await asSuperuser((superuser) => superuser.query(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`))
    },
  }
}

/** URL of a database on the shared server: as superuser, or as the role given. */
export function urlOf(database: string, login?: { user: string; password: string }): string {
  const url = new URL(inject('serverUrl'))
  url.pathname = `/${encodeURIComponent(database)}`
  if (login) {
    url.username = encodeURIComponent(login.user)
    url.password = encodeURIComponent(login.password)
  }
  return url.href
}

async function asSuperuser<T>(work: (superuser: Client) => Promise<T>): Promise<T> {
  const superuser = await connect(inject('serverUrl'), { applicationName: 'test support' })
  try {
    return await work(superuser)
  } finally {
    await superuser.end()
  }
}

async function makeOwner(superuser: Client): Promise<void> {
  const { rowCount } = await superuser.query('SELECT FROM pg_roles WHERE rolname = $1', [casaoraOwner])
  if (rowCount === 1) return
  await superuser.query(
    `CREATE ROLE ${quote(casaoraOwner)} LOGIN CREATEROLE CREATEDB BYPASSRLS PASSWORD ${escapeLiteral(ownerPassword)}`,
  )
}

/** Loaded once for the whole run, by the first test file that asks; under another name until it is complete. */
async function makeCasaoraTemplate(superuser: Client): Promise<void> {
  const { rowCount } = await superuser.query('SELECT FROM pg_database WHERE datname = $1', [casaoraTemplate])
  if (rowCount === 1) return
  const unfinished = `${casaoraTemplate}_unfinished`
  await superuser.query(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`)
  await superuser.query(`CREATE DATABASE ${unfinished} TEMPLATE template0`)
  const loader = await connect(urlOf(unfinished), { applicationName: 'test support' })
  try {
    await loadCasaora(loader, { rows: 'tiny', password: ownerPassword })
  } finally {
    await loader.end()
  }
  await superuser.query(`ALTER DATABASE ${unfinished} RENAME TO ${casaoraTemplate}`)
}
