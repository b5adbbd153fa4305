import type { Client } from 'pg'
import type { RemedyKind } from '../../operate/bloat/remedy.ts'
import type { Returned } from '../../operate/bloat/rewriteAction.ts'
import { benchRow } from '../bench.ts'
import type { LoadReport } from '../load/load.ts'
import { underLoad } from '../load/load.ts'
import type { BenchRow } from '../row.ts'
import type { Place } from './scene.ts'
import { megabytes, prepare, rowCount, withSessions } from './scene.ts'

const returnedAtLeast = 0.35
const foretoldWithin = 0.1

/** What a remedy gives back on the copy, against what was foretold; a writer works through those that let it. */
export async function remedyRow(place: Place, kind: RemedyKind): Promise<BenchRow> {
  return withSessions(place, async (sessions) => {
    const { table, action, foretold } = await prepare(
      sessions,
      place.path,
      kind,
      new AbortController().signal,
    )
    const { heapBytes, toastBytes, indexBytes } = table.space
    const before = kind === 'reindex' ? indexBytes : heapBytes + toastBytes + indexBytes
    const isBesideWriter = kind === 'reindex' || kind === 'repack'
    const { result, load } = isBesideWriter
      ? await besideWriter(sessions.url, () => action.run(sessions.client))
      : { result: await action.run(sessions.client), load: undefined }
    const returned = result.returnedBytes
    if (kind === 'vacuum') return vacuumRow(sessions.client, { before, wasted: table.wastedBytes, result })
    const off = Math.abs(returned / foretold - 1)
    return benchRow({
      id: `bloat_${kind}`,
      title: `${titles[kind]} of ${rowCount.toLocaleString('en-US')} rows`,
      claim: 'at least 35 % returned, within 10 % of what was foretold, no error of a writer',
      before,
      after: before - returned,
      unit: 'bytes',
      met: returned >= returnedAtLeast * before && off <= foretoldWithin && (load?.failed ?? 0) === 0,
      how: `${percent(returned / before)} returned, ${percent(returned / foretold)} of the ${megabytes(foretold)} that were foretold${load ? `; ${writerText(load)}` : ''}`,
    })
  })
}

const titles: Record<RemedyKind, string> = {
  vacuum: 'VACUUM',
  reindex: 'REINDEX CONCURRENTLY of the indexes',
  full: 'VACUUM FULL',
  repack: 'pg_repack',
}

/** VACUUM promises nothing to the disk, but the space to new rows. */
async function vacuumRow(
  client: Client,
  { before, wasted, result }: { before: number; wasted: number; result: Returned },
): Promise<BenchRow> {
  const added = await client.query(
    `INSERT INTO public.bookings
     SELECT id, (id::bigint * 7919 % 50000)::int, '2024-01-01'::date + id % 1000, 'pending', repeat(md5(id::text), 4)
     FROM generate_series(1, ${rowCount}) id
     WHERE NOT EXISTS (SELECT FROM public.bookings there WHERE there.id = id.id)`,
  )
  const { rows } = await client.query<{ bytes: string }>(
    `SELECT pg_catalog.pg_total_relation_size('public.bookings') AS bytes`,
  )
  const after = Number(rows[0]?.bytes ?? 0)
  const isAsForetold = Math.abs(result.returnedBytes) <= foretoldWithin * wasted
  return benchRow({
    id: 'bloat_vacuum',
    title: `VACUUM of ${rowCount.toLocaleString('en-US')} rows, then as many new rows as were deleted`,
    claim: 'nothing returned, as foretold, and the space goes to new rows',
    before,
    after,
    unit: 'bytes',
    met: isAsForetold && after - before <= foretoldWithin * wasted,
    how: `${megabytes(result.returnedBytes)} returned; ${(added.rowCount ?? 0).toLocaleString('en-US')} new rows let the table grow by ${megabytes(after - before)}, while ${megabytes(wasted)} of it were empty`,
  })
}

function besideWriter<T>(url: string, work: () => Promise<T>): Promise<{ result: T; load: LoadReport }> {
  const key = `(SELECT floor(random() * ${rowCount})::int + 1)`
  return underLoad(
    {
      ...{ url, clients: 1, pauseMs: 20 },
      transactions: [
        [
          `INSERT INTO public.bookings SELECT coalesce(max(id), 0) + 1, 1, '2026-01-01', 'new', 'new' FROM public.bookings`,
        ],
        [`UPDATE public.bookings SET note = 'changed' WHERE id = ${key}`],
        [`DELETE FROM public.bookings WHERE id = ${key}`],
      ],
    },
    work,
  )
}

function writerText({ transactions, failed, failures, worstMs }: LoadReport): string {
  return `a writer sent ${transactions.toLocaleString('en-US')} transactions, of which ${failed} failed${failures[0] ? ` (${failures[0]})` : ''}, the longest took ${Math.round(worstMs)} ms`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
