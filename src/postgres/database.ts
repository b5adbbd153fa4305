import { Kysely, PostgresDialect } from 'kysely'
import type { PostgresPoolClient } from 'kysely'
import type { ClientBase } from 'pg'

/**
 * A session for Kysely's `sql`, which is all that conditions and catalog readers take. Qualify every name: our reading
 * connections set `search_path = ''`. Oids arrive as numbers, and `bigint` as text, so that no digit is lost; `name[]`
 * and `oid[]` arrive as arrays, and `int2vector` as text such as `1 2`.
 */
export type Database = Kysely<unknown>

/**
 * Kysely on a client that somebody else owns: queries run in that client's session and transaction,
 * and nothing here opens, releases or ends a connection.
 */
export function borrow(client: ClientBase): Database {
  const connection = {
    query: client.query.bind(client),
    release: () => undefined,
  } as unknown as PostgresPoolClient
  return new Kysely({
    dialect: new PostgresDialect({
      pool: { connect: () => Promise.resolve(connection), end: () => Promise.resolve() },
    }),
  })
}
