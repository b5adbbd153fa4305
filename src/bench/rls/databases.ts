import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { connect } from '../../postgres/connect.ts'
import { quote } from '../../postgres/identifiers.ts'
import type { Server } from '../../servers/server.ts'

/** The same database three times: as it was, to be fixed by hand, and to be fixed by us. */
export interface RlsDatabases {
  /** Sessions as superuser. */
  before: Client
  byHand: Client
  ours: Client
  /** Sessions in `byHand` and `ours` as the owner, who is no superuser. */
  byHandOwner: Client
  oursOwner: Client
  /** New sessions to all three, as superuser: a session may share its core with other work for its whole life. */
  openAnew(): Promise<Pick<RlsDatabases, 'before' | 'byHand' | 'ours'>>
  drop(): Promise<void>
}

/** Loads the file once and copies the database twice. */
export async function createRlsDatabases(
  server: Server,
  file: 'antiPatterns.sql' | 'nine.sql',
): Promise<RlsDatabases> {
  const suffix = randomBytes(4).toString('hex')
  const owner = `rls_bench_owner_${suffix}`
  const password = randomBytes(16).toString('hex')
  const [before, byHand, ours] = [
    `rls_before_${suffix}`,
    `rls_by_hand_${suffix}`,
    `rls_ours_${suffix}`,
  ] as const
  const administrator = await connect(server.url())
  const clients: Client[] = []
  const open = async (url: string): Promise<Client> => {
    const client = await connect(url)
    clients.push(client)
    return client
  }
  const drop = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)))
    for (const name of [before, byHand, ours]) {
      await administrator.query(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`)
    }
    await administrator.query(`DROP ROLE IF EXISTS ${quote(owner)}`)
    await administrator.end()
  }
  const asOwner = (name: string): Promise<Client> => {
    const url = new URL(server.url(name))
    url.username = owner
    url.password = password
    return open(url.href)
  }
  try {
    await administrator.query(`CREATE ROLE ${quote(owner)} LOGIN PASSWORD '${password}'`)
    await administrator.query(`CREATE DATABASE ${quote(before)} OWNER ${quote(owner)}`)
    const loader = await connect(server.url(before))
    await loader.query(await sqlOf('platform.sql'))
    await loader.query(`GRANT anon, authenticated TO ${quote(owner)}`)
    await loader.query(`SET SESSION AUTHORIZATION ${quote(owner)}`)
    await loader.query(await sqlOf(file))
    await loader.query('RESET SESSION AUTHORIZATION')
    await loader.query('VACUUM (ANALYZE)')
    await loader.end()
    for (const name of [byHand, ours]) {
      await administrator.query(
        `CREATE DATABASE ${quote(name)} TEMPLATE ${quote(before)} OWNER ${quote(owner)}`,
      )
    }
    const openAnew = async () => ({
      before: await open(server.url(before)),
      byHand: await open(server.url(byHand)),
      ours: await open(server.url(ours)),
    })
    return {
      ...(await openAnew()),
      openAnew,
      byHandOwner: await asOwner(byHand),
      oursOwner: await asOwner(ours),
      drop,
    }
  } catch (error) {
    await drop()
    throw error
  }
}

async function sqlOf(file: string): Promise<string> {
  return readFile(new URL(file, import.meta.url), 'utf8')
}
