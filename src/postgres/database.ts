import type { ClientBase, QueryResultRow } from 'pg'

/**
 * A session that conditions and catalog readers ask. Any object with this one method will do, so a condition may as
 * well be tested with a client of `pg`. Qualify every name: our reading connections set `search_path = ''`. Oids arrive
 * as numbers, and `bigint` as text, so that no digit is lost; `name[]` and `oid[]` arrive as arrays, and `int2vector` as
 * text such as `1 2`.
 *
 * ```ts
 * const { rows } = await db.query<{ rows: string }>('SELECT count(*) AS rows FROM public.bookings WHERE city = $1', [7])
 * ```
 */
export interface Database {
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<{ rows: Row[] }>
}

/**
 * The session of a client that somebody else owns: queries run in that client's session and transaction, and nothing
 * here opens, releases or ends a connection.
 */
export function borrow(client: ClientBase): Database {
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) => {
      const { rows } = await client.query<Row & QueryResultRow>(text, [...values])
      return { rows }
    },
  }
}
