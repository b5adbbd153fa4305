import type { ClientBase } from 'pg'

/** Bytes of WAL of a page that is written whole, the first time after a checkpoint: most pages are nearly full. */
export const walOfPage = 7_500

/**
 * Does work of which every page is written to the WAL as a whole at its first change after a checkpoint, as on the source.
 * The shadow leaves that out otherwise.
 */
export async function withFullPages<T>(
  session: ClientBase,
  fullPageWrites: boolean,
  work: () => Promise<T>,
): Promise<T> {
  return fullPageWrites ? withSetting(session, 'full_page_writes', work) : work()
}

/**
 * Does work of which a CHECKPOINT brings every file to the disk, as on the source. The shadow leaves its files to the
 * operating system otherwise: for half a minute they have no place on the disk that a DROP would have to give back.
 */
export async function withFilesOnDisk<T>(session: ClientBase, work: () => Promise<T>): Promise<T> {
  return withSetting(session, 'fsync', work)
}

async function withSetting<T>(session: ClientBase, name: string, work: () => Promise<T>): Promise<T> {
  await set(session, name, 'on')
  try {
    return await work()
  } finally {
    await set(session, name, 'off')
  }
}

async function set(session: ClientBase, name: string, value: 'on' | 'off'): Promise<void> {
  await session.query(`ALTER SYSTEM SET ${name} = ${value}`)
  await session.query('SELECT pg_catalog.pg_reload_conf()')
  // The checkpointer takes the setting over before it begins.
  await session.query('CHECKPOINT')
}
