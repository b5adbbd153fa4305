import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

interface Place {
  /** Null for a role that may not see it. */
  folder: string | null
  port: string
  /** In seconds since 1970. */
  startedAt: number
}

/** The server has written its file a moment before the time that it tells. */
const startsWithinSeconds = 10

/**
 * The memory of the machine that the server runs on, in bytes. SQL cannot tell; where the server's files are on this
 * machine, it is ours, or less of it in a container. Null where that cannot be known: also for a role that may not see
 * where the files are, and for an account that may not read them.
 */
export async function readMachineMemory(db: Database): Promise<number | null> {
  const { rows } = await sql<Place>`
    SELECT CASE WHEN pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')
        THEN pg_catalog.current_setting('data_directory') END AS folder,
      pg_catalog.current_setting('port') AS port,
      extract(epoch FROM pg_catalog.pg_postmaster_start_time())::float8 AS "startedAt"`.execute(db)
  const [place] = rows
  if (!place || !(await runsHere(place))) return null
  const limit = process.constrainedMemory()
  return limit !== undefined && limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/** A server of another machine may have a folder of the same name, but not one that started at the same moment. */
async function runsHere({ folder, port, startedAt }: Place): Promise<boolean> {
  if (folder === null) return false
  try {
    const [, ofFolder, started, ofPort] = (await readFile(`${folder}/postmaster.pid`, 'utf8')).split('\n')
    return (
      ofFolder === folder && ofPort === port && Math.abs(Number(started) - startedAt) <= startsWithinSeconds
    )
  } catch {
    return false
  }
}
