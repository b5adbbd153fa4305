import type { Client } from 'pg'
import { benchRow } from '../bench.ts'
import type { BenchRow } from '../row.ts'
import type { Place } from './scene.ts'
import { megabytes, prepare, withSessions } from './scene.ts'

/** What the server itself writes meanwhile, such as statistics in the catalog. */
const noiseBytes = 2 * 1_048_576

/** Whether VACUUM FULL, cancelled in the middle, leaves anything on the copy. */
export async function cancelledRow(place: Place): Promise<BenchRow> {
  return withSessions(place, async (sessions) => {
    const { client, watcher } = sessions
    const stop = new AbortController()
    const { action } = await prepare(sessions, place.path, 'full', stop.signal)
    const before = await stateOf(client)
    const looking = lookUntil(watcher, () => stop.abort())
    const error = await action.run(client).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    const scanned = await looking
    const after = await stateOf(client)
    const isSame = after.node === before.node && after.rows === before.rows
    return benchRow({
      id: 'bloat_cancelled',
      title: 'VACUUM FULL cancelled in the middle: the whole database',
      claim: 'nothing is left',
      before: before.bytes,
      after: after.bytes,
      unit: 'bytes',
      met: error !== undefined && isSame && Math.abs(after.bytes - before.bytes) <= noiseBytes,
      how: `cancelled after ${scanned.toLocaleString('en-US')} pages; the table has ${isSame ? 'the same file and rows' : 'another file or other rows'}, the database ${megabytes(after.bytes - before.bytes)} more`,
    })
  })
}

/** Calls back once a rewrite has read some of the table, and says how many pages. */
async function lookUntil(watcher: Client, onBegun: () => void): Promise<number> {
  for (;;) {
    const { rows } = await watcher.query<{ scanned: number }>(
      'SELECT heap_blks_scanned::float8 AS scanned FROM pg_catalog.pg_stat_progress_cluster WHERE heap_blks_scanned > 2000',
    )
    const [row] = rows
    if (row) {
      onBegun()
      return row.scanned
    }
  }
}

async function stateOf(client: Client): Promise<{ node: string; rows: string; bytes: number }> {
  await client.query('CHECKPOINT')
  const { rows } = await client.query<{ node: string; rows: string; bytes: string }>(
    `SELECT pg_catalog.pg_relation_filenode('public.bookings') AS node,
       (SELECT count(*) FROM public.bookings) AS rows,
       pg_catalog.pg_database_size(pg_catalog.current_database()) AS bytes`,
  )
  const [state] = rows
  if (!state) throw new Error('no answer')
  return { ...state, bytes: Number(state.bytes) }
}
