import { connect } from '../postgres/connect.ts'
import type { Server } from './server.ts'

/**
 * An existing server, by the URL of a role that may create databases and roles on it.
 *
 * @throws UsageError if it cannot be reached.
 */
export async function useExternal(superuserUrl: string): Promise<Server> {
  const client = await connect(superuserUrl)
  try {
    const { rows } = await client.query<{ version: number }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS version`,
    )
    return {
      kind: 'external',
      version: rows[0]?.version ?? 0,
      url: (database) => (database === undefined ? superuserUrl : withDatabase(superuserUrl, database)),
      stop: () => Promise.resolve(),
    }
  } finally {
    await client.end()
  }
}

/** The URL of another database on the same server. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${encodeURIComponent(database)}`
  return changed.href
}
