import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { connect } from '../../postgres/connect.ts'
import type { EmbeddedServer } from '../../servers/embedded.ts'
import { startEmbedded } from '../../servers/embedded.ts'

/** A database with a column of each kind that has statistics of its own, freshly analyzed. */
export interface Library {
  /** A superuser's session. */
  client: Client
  close(): Promise<void>
}

/**
 * Starts a PostgreSQL of the version and fills it.
 *
 * @param settings of the server
 */
export async function openLibrary(
  version: number,
  settings: Record<string, string> = {},
  { withIndexes = false }: { withIndexes?: boolean } = {},
): Promise<Library> {
  // Statistics that change meanwhile would be the source's only.
  const server = await startEmbedded({ version, settings: { autovacuum: 'off', ...settings } })
  try {
    return await fill(server, withIndexes)
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function fill(server: EmbeddedServer, withIndexes: boolean): Promise<Library> {
  const administrator = await connect(server.url())
  await administrator.query('CREATE ROLE anon')
  await administrator.query('CREATE DATABASE library')
  await administrator.end()
  const client = await connect(server.url('library'))
  await client.query(await readSql('library.sql'))
  if (withIndexes) await client.query(await readSql('libraryIndexes.sql'))
  // As large as right after they were built.
  await client.query('REINDEX DATABASE library')
  await client.query('VACUUM ANALYZE')
  return {
    client,
    close: async () => {
      await client.end()
      await server.stop()
    },
  }
}

function readSql(file: string): Promise<string> {
  return readFile(new URL(file, import.meta.url), 'utf8')
}
