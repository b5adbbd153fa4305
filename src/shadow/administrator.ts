import { randomBytes } from 'node:crypto'
import { escapeLiteral } from 'pg'
import type { Client } from 'pg'
import { connect } from '../postgres/connect.ts'
import { quote } from '../postgres/identifiers.ts'
import type { Server } from '../servers/server.ts'

/** Roles that only a shadow has. */
export const shadowRoles = ['hundredfold_shadow', 'hundredfold_bootstrap']
const [administrator = '', bootstrap = ''] = shadowRoles

/**
 * Frees the name `postgres`: initdb gives it to the superuser, but most sources have a role of that name, which may not
 * even be a superuser. A superuser of our own takes its place.
 */
export async function makeAdministrator(server: Server): Promise<{ name: string; password: string }> {
  const password = randomBytes(24).toString('base64url')
  await using(server.url('template1'), (client) =>
    client.query(`CREATE ROLE ${quote(administrator)} SUPERUSER LOGIN PASSWORD ${escapeLiteral(password)}`),
  )
  await using(urlOf(server, 'template1', { role: administrator, password }), (client) =>
    client.query(`ALTER ROLE postgres RENAME TO ${quote(bootstrap)}`),
  )
  return { name: administrator, password }
}

/** The URL of a database for a role. It holds the password. */
export function urlOf(
  server: Server,
  database: string,
  { role, password }: { role: string; password: string },
): string {
  const url = new URL(server.url(database))
  url.username = encodeURIComponent(role)
  url.password = encodeURIComponent(password)
  return url.href
}

/** Opens a session for the duration of `work`. */
export async function using<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(url)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
