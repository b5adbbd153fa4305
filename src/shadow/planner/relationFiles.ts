import { chown, open, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientBase } from 'pg'
import { btreeLevels, raiseBtree } from './btreePages.ts'
import type { GinPages } from './ginPages.ts'
import { countGinPages } from './ginPages.ts'
import type { RelationState } from './state.ts'

/** The size that a relation of the shadow is to have for the planner. */
export interface Size extends Omit<RelationState, 'method' | 'keys' | 'table'> {
  /** Of a B-tree: how many bytes its keys take on average. */
  btreeKeyBytes?: number
  /** Of a GIN index; where it is absent PostgreSQL assumes something. */
  gin?: GinPages
}

const blockSize = 8192
/** PostgreSQL cuts a relation into files of 1 GB. */
const blocksPerFile = 131_072

/**
 * Makes relations as large as told, in `pg_class` and on disk, where the files are sparse: holes that take no room.
 * The server must be restarted afterwards, since it may hold pages that were changed under it.
 *
 * @param client a superuser's
 * @param dataDirectory of the shadow's server, on this machine
 */
export async function setSizes(
  client: ClientBase,
  dataDirectory: string,
  sizes: readonly Size[],
): Promise<void> {
  await client.query(
    `UPDATE pg_catalog.pg_class c
     SET relpages = s.relpages, reltuples = s.reltuples, relallvisible = s.relallvisible
     FROM pg_catalog.jsonb_to_recordset($1::jsonb)
       AS s (schema name, name name, relpages int4, reltuples float4, relallvisible int4)
     JOIN pg_catalog.pg_namespace n ON n.nspname = s.schema
     WHERE c.relnamespace = n.oid AND c.relname = s.name`,
    [JSON.stringify(sizes)],
  )
  const withFiles = sizes.filter(({ blocks }) => blocks > 0)
  const { rows } = await client.query<{ at: number; path: string; blocks: number }>(
    `SELECT s.at::int, pg_catalog.pg_relation_filepath(c.oid) AS path,
       (pg_catalog.pg_relation_size(c.oid) / ${blockSize})::float8 AS blocks
     FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS s (at int, schema name, name name)
     JOIN pg_catalog.pg_namespace n ON n.nspname = s.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.name
     WHERE c.relkind IN ('r', 'm', 'i')`,
    [JSON.stringify(withFiles.map(({ schema, name }, at) => ({ at, schema, name })))],
  )
  // What is in memory only would be written over what is written here.
  await client.query('CHECKPOINT')
  for (const { at, path, blocks } of rows) {
    const size = withFiles[at]
    if (!size) continue
    const wanted = Math.max(size.blocks, blocks)
    const file = join(dataDirectory, path)
    await grow(file, wanted)
    if (size.btreeKeyBytes !== undefined) await raiseBtree(file, btreeLevels(wanted, size.btreeKeyBytes))
    if (size.gin !== undefined) await countGinPages(file, wanted, size.gin)
  }
}

/**
 * Takes the files of relations back to nothing, for as long as something has to read them: a scan of holes takes as long
 * as one of rows. The server must be restarted afterwards.
 */
export async function emptyFiles(
  client: ClientBase,
  dataDirectory: string,
  relations: readonly { schema: string; name: string }[],
): Promise<void> {
  const { rows } = await client.query<{ path: string }>(
    `SELECT pg_catalog.pg_relation_filepath(c.oid) AS path
     FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r (schema name, name name)
     JOIN pg_catalog.pg_namespace n ON n.nspname = r.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = r.name AND c.relkind IN ('r', 'm')`,
    [JSON.stringify(relations)],
  )
  await client.query('CHECKPOINT')
  for (const { path } of rows) {
    const file = join(dataDirectory, path)
    await truncate(file, 0)
    for (let segment = 1; await isThere(`${file}.${segment}`); segment += 1) await rm(`${file}.${segment}`)
  }
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}

/** Every file but the last is full. One that is not there yet belongs to whom the first one belongs. */
async function grow(file: string, blocks: number): Promise<void> {
  const { uid, gid, mode } = await stat(file)
  for (let segment = 0, left = blocks; left > 0; segment += 1, left -= blocksPerFile) {
    const path = segment === 0 ? file : `${file}.${segment}`
    const handle = await open(path, 'a', mode)
    try {
      const bytes = Math.min(left, blocksPerFile) * blockSize
      if ((await handle.stat()).size < bytes) await handle.truncate(bytes)
      if (process.getuid?.() !== uid) await chown(path, uid, gid)
    } finally {
      await handle.close()
    }
  }
}
