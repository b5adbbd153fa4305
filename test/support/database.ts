import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { inject } from 'vitest'
import { casaoraOwner } from '../../src/bench/casaora/load.ts'
import { connect } from '../../src/postgres/connect.ts'
import { quote } from '../../src/postgres/identifiers.ts'

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

/**
 * Makes a database for one test file: empty, Casaora's with tiny rows, or a copy of another one. It belongs to
 * `casaora_owner`.
 *
 * ```ts
 * let database: TestDatabase
 * beforeAll(async () => { database = await createDatabase({ from: 'casaora' }) })
 * afterAll(() => database.drop())
 * ```
 */
export async function createDatabase(
  options: { from?: 'empty' | 'casaora'; copyOf?: TestDatabase } = {},
): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const template =
    options.copyOf?.name ?? (options.from === 'casaora' ? inject('casaoraTemplate') : 'template0')
  await runAsSuperuser(`CREATE DATABASE ${name} TEMPLATE ${template} OWNER ${quote(casaoraOwner)}`)

  const url = urlOf(name)
  const sessions = new Set<Client>()
  return {
    name,
    url,
    ownerUrl: urlOf(name, { user: casaoraOwner, password: inject('ownerPassword') }),
    connect: async (as = url) => {
      const client = await connect(as, { applicationName: 'test' })
      sessions.add(client)
      return client
    },
    drop: async () => {
      await Promise.all(Array.from(sessions, (session) => session.end()))
      await runAsSuperuser(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
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

async function runAsSuperuser(sql: string): Promise<void> {
  const superuser = await connect(inject('serverUrl'), { applicationName: 'test support' })
  try {
    await superuser.query(sql)
  } finally {
    await superuser.end()
  }
}
