import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { casaoraOwner, loadCasaora } from '../../../src/bench/casaora/load.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'

/** A server of one test file's own, which may be crashed, with copies of Casaora and of an empty database. */
export interface Arena {
  /** Makes a database from `casaora`, from `template0`, or from one made before, to which nobody is connected. */
  create(template: string): Promise<ArenaDatabase>
  /** A superuser's session in none of these databases, which no fault is meant for. */
  administrator(): Promise<Client>
  crashAndRestart(): Promise<void>
  stop(): Promise<void>
}

export interface ArenaDatabase {
  name: string
  /** As the role that runs the migrations. */
  ownerUrl: string
  superuserUrl: string
}

export async function openArena(): Promise<Arena> {
  const server = await startEmbedded({
    trustedExtensions: ['pg_stat_statements'],
    // Thousands of sessions log in: a password that costs less to check.
    settings: { max_connections: '200', autovacuum: 'off', scram_iterations: '1' },
  })
  const password = randomBytes(16).toString('hex')
  let session: Client | undefined
  const administrator = async () =>
    (session ??= await connect(server.url(), { applicationName: 'administrator' }))
  const leave = async () => {
    await session?.end()
    session = undefined
  }
  const asSuperuser = async (sql: string) => (await administrator()).query(sql)
  await asSuperuser('CREATE DATABASE casaora')
  const loader = await connect(server.url('casaora'))
  await loadCasaora(loader, { rows: 'tiny', password }).finally(() => loader.end())
  let number = 0
  return {
    create: async (template) => {
      const name = `arena_${(number += 1)}`
      // A copy of its files takes a third of the work that a copy through the write-ahead log takes.
      await asSuperuser(
        `CREATE DATABASE ${name} TEMPLATE ${template} OWNER ${casaoraOwner} STRATEGY file_copy`,
      )
      // Settings of a database are no part of it, so they are not copied with it.
      await asSuperuser(
        `INSERT INTO pg_db_role_setting SELECT copy.oid, setrole, setconfig FROM pg_db_role_setting
         JOIN pg_database original ON original.oid = setdatabase AND original.datname = '${template}'
         JOIN pg_database copy ON copy.datname = '${name}'`,
      )
      const ownerUrl = new URL(server.url(name))
      ownerUrl.username = casaoraOwner
      ownerUrl.password = password
      return { name, ownerUrl: ownerUrl.href, superuserUrl: server.url(name) }
    },
    administrator,
    crashAndRestart: async () => {
      await leave()
      await server.crash()
      await server.restart()
    },
    stop: async () => {
      await leave()
      await server.stop()
    },
  }
}
