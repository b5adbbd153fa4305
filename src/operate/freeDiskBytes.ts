import { statfs } from 'node:fs/promises'
import { sql } from 'kysely'
import { parseTarget } from '../postgres/connect.ts'
import type { Database } from '../postgres/database.ts'

/**
 * The free bytes where the server keeps a table. SQL cannot tell; but where the server is this machine, its data folder can
 * be looked at. Undefined where it cannot be known.
 */
export async function freeDiskBytes(db: Database, url: string, oid: number): Promise<number | undefined> {
  const { host } = parseTarget(url)
  if (!['localhost', '127.0.0.1', '::1', '[::1]'].includes(host) && !host.startsWith('/')) return undefined
  try {
    const { rows } = await sql<{ folder: string; path: string }>`
      SELECT pg_catalog.current_setting('data_directory') AS folder,
        pg_catalog.pg_relation_filepath(${oid}::oid) AS path`.execute(db)
    const [place] = rows
    if (!place) return undefined
    // The file itself tells apart a server in a container from one whose folder only has the same name.
    const { bavail, bsize } = await statfs(`${place.folder}/${place.path}`)
    return bavail * bsize
  } catch {
    // The setting is for superusers and pg_read_all_settings; the folder is for the server's account.
    return undefined
  }
}
