import { randomBytes } from 'node:crypto'
import { casaoraOwner, loadCasaora } from '../../../src/bench/casaora/load.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'

/** A server of one test file's own, which may be crashed, with copies of Casaora and of an empty database. */
export interface Arena {
  /** Makes a database from `casaora`, from `template0`, or from one made before, to which nobody is connected. */
  create(template: string): Promise<{ ownerUrl: string; superuserUrl: string; name: string }>
  crashAndRestart(): Promise<void>
  stop(): Promise<void>
}

export async function openArena(): Promise<Arena> {
  const server = await startEmbedded({
    trustedExtensions: ['pg_stat_statements'],
    // Thousands of sessions log in: a password that costs less to check.
    settings: { max_connections: '200', autovacuum: 'off', scram_iterations: '1' },
  })
  const password = randomBytes(16).toString('hex')
  const asSuperuser = async (sql: string) => {
    const client = await connect(server.url())
    await client.query(sql).finally(() => client.end())
  }
  await asSuperuser('CREATE DATABASE casaora')
  const loader = await connect(server.url('casaora'))
  await loadCasaora(loader, { rows: 'tiny', password }).finally(() => loader.end())
  let number = 0
  return {
    create: async (template) => {
      const name = `arena_${(number += 1)}`
      await asSuperuser(`CREATE DATABASE ${name} TEMPLATE ${template} OWNER ${casaoraOwner}`)
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
    crashAndRestart: async () => {
      await server.crash()
      await server.restart()
    },
    stop: () => server.stop(),
  }
}
