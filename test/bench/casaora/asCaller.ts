import type { Client, QueryResult, QueryResultRow } from 'pg'
import { quote } from '../../../src/postgres/identifiers.ts'

/** Who sends a statement: a role, and the claims that `auth.jwt()` returns meanwhile. */
export interface Caller {
  role: string
  claims?: Record<string, unknown>
}

/** Runs the statement as PostgREST would run it for the caller, and takes back what it did. */
export async function asCaller<R extends QueryResultRow>(
  client: Client,
  { role, claims }: Caller,
  sql: string,
): Promise<QueryResult<R>> {
  await client.query('BEGIN')
  try {
    await client.query(`SET LOCAL ROLE ${quote(role)}`)
    await client.query(`SELECT set_config('request.jwt.claims', $1, true)`, [JSON.stringify(claims ?? {})])
    return await client.query<R>(sql)
  } finally {
    await client.query('ROLLBACK')
  }
}
