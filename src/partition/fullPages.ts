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
  if (!fullPageWrites) return work()
  await setFullPageWrites(session, 'on')
  try {
    return await work()
  } finally {
    await setFullPageWrites(session, 'off')
  }
}

async function setFullPageWrites(session: ClientBase, value: 'on' | 'off'): Promise<void> {
  await session.query(`ALTER SYSTEM SET full_page_writes = ${value}`)
  await session.query('SELECT pg_catalog.pg_reload_conf()')
  // The checkpointer takes the setting over before it begins.
  await session.query('CHECKPOINT')
}
