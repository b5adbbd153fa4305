import { Kysely, PostgresDialect } from 'kysely'
import type { PostgresPoolClient } from 'kysely'
import type { ClientBase } from 'pg'
import type { Catalog } from './catalog.ts'

/** Typed queries over pg_catalog. Conditions and readers of the catalog take this and nothing else. */
export type Database = Kysely<Catalog>

/**
 * Kysely on a client that somebody else owns: queries run in that client's session and transaction,
 * and nothing here opens, releases or ends a connection.
 */
export function borrow(client: ClientBase): Database {
  const connection = {
    query: client.query.bind(client),
    release: () => undefined,
  } as unknown as PostgresPoolClient
  return new Kysely<Catalog>({
    dialect: new PostgresDialect({
      pool: { connect: () => Promise.resolve(connection), end: () => Promise.resolve() },
    }),
  })
}
