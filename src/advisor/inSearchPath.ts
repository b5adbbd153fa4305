import type { ClientBase } from 'pg'

/** Looks with another `search_path`, inside the current transaction, and takes back what that sets. */
export async function inSearchPath<T>(
  client: ClientBase,
  searchPath: string | undefined,
  look: () => Promise<T>,
): Promise<T> {
  await client.query('SAVEPOINT hundredfold_path')
  try {
    if (searchPath !== undefined) {
      await client.query(`SELECT pg_catalog.set_config('search_path', $1, true)`, [searchPath])
    }
    return await look()
  } finally {
    await client.query('ROLLBACK TO hundredfold_path; RELEASE hundredfold_path')
  }
}
