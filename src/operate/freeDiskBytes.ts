import { statfs } from 'node:fs/promises'
import { sql } from '../postgres/sql.ts'
import { NotSeen } from '../catalog/notSeen.ts'
import { parseTarget } from '../postgres/connect.ts'
import type { Database } from '../postgres/database.ts'

/**
 * The free bytes where the server keeps a table. SQL cannot tell; but where the server is this machine, its data folder can
 * be looked at.
 *
 * @throws NotSeen where it is another machine, or this account may not look; the server's error where the role may not
 * know the folder, which is for superusers and pg_read_all_settings
 */
export async function freeDiskBytes(db: Database, url: string, oid: number): Promise<number> {
  const { host } = parseTarget(url)
  if (!['localhost', '127.0.0.1', '::1', '[::1]'].includes(host) && !host.startsWith('/')) {
    throw new NotSeen('the server is another machine, whose disk cannot be seen from here')
  }
  const { rows } = await sql<{ folder: string; path: string }>`
    SELECT pg_catalog.current_setting('data_directory') AS folder,
      pg_catalog.pg_relation_filepath(${oid}::oid) AS path`.execute(db)
  const [place] = rows
  if (!place) throw new NotSeen('the table was dropped')
  try {
    // The file itself tells apart a server in a container from one whose folder only has the same name.
    const { bavail, bsize } = await statfs(`${place.folder}/${place.path}`)
    return bavail * bsize
  } catch {
    throw new NotSeen("this account may not look into the server's folder, or the server runs in a container")
  }
}
