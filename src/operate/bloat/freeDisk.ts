import { statfs } from 'node:fs/promises'
import type { ClientBase } from 'pg'
import { parseTarget } from '../../postgres/connect.ts'
import type { BloatedTable } from './findBloat.ts'
import type { RemedyKind } from './remedy.ts'
import { remedyOf } from './remedy.ts'

/**
 * The free bytes where the server keeps a table. SQL cannot tell; but where the server is this machine, its data folder can
 * be looked at. Undefined where it cannot be known.
 */
export async function freeDiskBytes(
  client: ClientBase,
  url: string,
  oid: number,
): Promise<number | undefined> {
  const { host } = parseTarget(url)
  if (!['localhost', '127.0.0.1', '::1', '[::1]'].includes(host) && !host.startsWith('/')) return undefined
  try {
    const { rows } = await client.query<{ folder: string; path: string }>(
      `SELECT pg_catalog.current_setting('data_directory') AS folder,
              pg_catalog.pg_relation_filepath($1::oid) AS path`,
      [oid],
    )
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

/** A table whose copy would not find room. */
export interface Shortage {
  table: BloatedTable
  needsBytes: number
  freeBytes: number
}

/** The copy is an estimate. */
const reserve = 1.1

/**
 * The first table that cannot be written anew for lack of disk; undefined where all can, or where nobody knows.
 *
 * @param knownFree what the server has free, where somebody knows; else it is looked at, where that is possible
 */
export async function findShortage(
  { client, url }: { client: ClientBase; url: string },
  tables: readonly BloatedTable[],
  kind: RemedyKind,
  knownFree: number | undefined,
): Promise<Shortage | undefined> {
  for (const table of tables) {
    const { needsBytes } = remedyOf(kind, table.space)
    if (needsBytes === 0) continue
    const freeBytes = knownFree ?? (await freeDiskBytes(client, url, table.oid))
    if (freeBytes !== undefined && freeBytes < needsBytes * reserve) return { table, needsBytes, freeBytes }
  }
  return undefined
}
