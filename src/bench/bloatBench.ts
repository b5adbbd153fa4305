import type { Client } from 'pg'
import { chooseActions } from '../operate/bloat/chooseActions.ts'
import { findBloat } from '../operate/bloat/findBloat.ts'
import type { RemedyKind } from '../operate/bloat/remedy.ts'
import { remedyOf } from '../operate/bloat/remedy.ts'
import type { Returned } from '../operate/bloat/rewriteAction.ts'
import { connect } from '../postgres/connect.ts'
import { startEmbedded } from '../servers/embedded.ts'
import { installedVersions } from '../servers/installation.ts'
import type { Server } from '../servers/server.ts'
import type { Bench, BenchContext } from './bench.ts'
import { benchRow, inGroup } from './bench.ts'
import type { LoadReport } from './load/load.ts'
import { underLoad } from './load/load.ts'
import { hasDebianExtension, installDebianExtension } from './partition/debianExtension.ts'
import type { BenchRow } from './row.ts'

const rowCount = 1_000_000
const returnedAtLeast = 0.35
const foretoldWithin = 0.1
/** What the server itself writes meanwhile, such as statistics in the catalog. */
const noiseBytes = 2 * 1_048_576
const remedies = ['vacuum', 'reindex', 'full', 'repack'] as const
const ids = [...remedies, 'cancelled'].map((name) => `bloat_${name}`)

/** Two in five rows were deleted, and two in five of the rest updated, both at random; then it was vacuumed once. */
const scene = `
  CREATE TABLE public.bookings (
    id int PRIMARY KEY, customer int NOT NULL, day date NOT NULL, status text NOT NULL, note text NOT NULL, essay text);
  ALTER TABLE public.bookings ALTER COLUMN essay SET STORAGE EXTERNAL;
  SELECT setseed(0.5);
  INSERT INTO public.bookings
    SELECT id, (id::bigint * 7919 % 50000)::int, '2024-01-01'::date + id % 1000, 'pending', repeat(md5(id::text), 4),
      CASE WHEN id % 50 = 0 THEN repeat(md5(id::text), 100) END
    FROM generate_series(1, ${rowCount}) id;
  CREATE INDEX bookings_customer_idx ON public.bookings (customer, day);
  CREATE INDEX bookings_status_idx ON public.bookings (status, id);
  DELETE FROM public.bookings WHERE random() < 0.4;
  UPDATE public.bookings SET status = 'confirmed' WHERE random() < 0.4;`

/**
 * What each remedy for bloat gives back, against what was foretold, on copies of one table of a million rows. A writer works
 * through REINDEX CONCURRENTLY and pg_repack, and must not see an error.
 */
export const bloatBench: Bench = {
  id: 'bloat_remedies',
  title: 'What the remedies for bloat give back',
  rowIds: ids,
  async run(context) {
    if (!installedVersions().includes(15) || !hasDebianExtension('pg_repack')) {
      for (const id of ids) {
        context.onSkip?.(
          id,
          'PostgreSQL 15 or pg_repack is missing; scripts/install-test-engines.sh brings both',
        )
      }
      return []
    }
    const server = await startEmbedded({
      version: 15,
      settings: { autovacuum: 'off', max_wal_size: '4GB', maintenance_work_mem: '256MB' },
    })
    const administrator = await connect(server.url())
    try {
      context.onStep(`a table of ${rowCount.toLocaleString('en-US')} rows, half of it empty`)
      await administrator.query('CREATE DATABASE template')
      await setScene(server.url('template'))
      const rows: BenchRow[] = []
      for (const name of [...remedies, 'cancelled'] as const) {
        if (!isWanted(context, `bloat_${name}`)) continue
        context.onStep(name)
        await administrator.query('CREATE DATABASE copy TEMPLATE template')
        const place = { server, path: context.config.path }
        rows.push(name === 'cancelled' ? await cancelledRow(place) : await remedyRow(place, name))
        await administrator.query('DROP DATABASE copy WITH (FORCE)')
      }
      return rows
    } finally {
      await administrator.end()
      await server.stop()
    }
  },
}

function isWanted({ only }: BenchContext, id: string): boolean {
  return only === undefined || only.some((wanted) => wanted === bloatBench.id || inGroup(id, wanted))
}

async function setScene(url: string): Promise<void> {
  const client = await connect(url)
  await client.query('CREATE EXTENSION pgstattuple')
  await installDebianExtension(client, 'pg_repack', 'repack')
  await client.query(scene)
  await client.query('VACUUM (ANALYZE) public.bookings')
  await client.end()
}

interface Place {
  server: Server
  path: string
}

interface Sessions {
  client: Client
  watcher: Client
  url: string
}

async function withSessions<T>({ server }: Place, work: (sessions: Sessions) => Promise<T>): Promise<T> {
  const url = server.url('copy')
  const client = await connect(url)
  const watcher = await connect(url)
  try {
    return await work({ client, watcher, url })
  } finally {
    await client.end()
    await watcher.end()
  }
}

/** What is known before, and the action. */
async function prepare(
  { client, watcher, url }: Sessions,
  path: string,
  kind: RemedyKind,
  signal: AbortSignal,
) {
  const survey = await findBloat(client)
  const wanted = { kind, isNamed: true, hours: { begin: 0, end: 24 * 60 } }
  const tools = { watcher, signal, onProgress: () => undefined }
  const actions = await chooseActions(survey, survey.tables, wanted, { tools, place: { url, path } })
  const [table] = survey.tables
  const [action] = actions
  if (!table || !action) throw new Error(`nothing to do for ${kind}`)
  return { table, action, foretold: remedyOf(kind, table.space).returnsBytes }
}

async function remedyRow(place: Place, kind: RemedyKind): Promise<BenchRow> {
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

async function cancelledRow(place: Place): Promise<BenchRow> {
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

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`
}
