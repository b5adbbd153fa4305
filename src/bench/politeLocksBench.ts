import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { connect } from '../postgres/connect.ts'
import { quote } from '../postgres/identifiers.ts'
import { isLockConflict } from '../postgres/sqlState.ts'
import { down } from '../migrate/down.ts'
import { loadMigrations } from '../migrate/loadMigrations.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import { up } from '../migrate/up.ts'
import { provideServer } from '../servers/provideServer.ts'
import type { Server } from '../servers/server.ts'
import type { Bench, BenchContext } from './bench.ts'
import { benchRow } from './bench.ts'
import type { LoadReport, LoadSettings } from './load/load.ts'
import { underLoad } from './load/load.ts'
import type { BenchRow } from './row.ts'

const clients = 8
const readerSeconds = 5
const pauseBetweenReadersMs = 300
/** What a migration may add to the longest wait of a client. */
const addedWaitMs = 100
/** How long the load alone is watched for its own longest wait. */
const quietMs = 12_000

/**
 * How much longer clients wait while a migration needs an exclusive lock on their table, behind readers that come and go
 * and on a table with nothing but short transactions. Before: one statement with a lock timeout of a second, tried again.
 */
export const politeLocksBench: Bench = {
  id: 'polite_locks',
  title: 'Clients while a migration waits for its lock',
  rowIds: ['polite_locks', 'polite_locks_busy'],
  async run({ config, onStep, only }) {
    const server = await provideServer(config)
    const name = `bench_${randomBytes(4).toString('hex')}`
    const administrator = await connect(server.url())
    try {
      await administrator.query(`CREATE DATABASE ${quote(name)}`)
      const scene = await setScene(server, name)
      const wants = (id: string) => !only || only.some((each) => each === id || each === 'polite_locks')
      return [
        ...(wants('polite_locks') ? [await behindReaders(scene, onStep)] : []),
        ...(wants('polite_locks_busy') ? [await onBusyTable(scene, onStep)] : []),
      ]
    } finally {
      await administrator.query(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`)
      await administrator.end()
      await server.stop()
    }
  },
}

interface Scene {
  url: string
  load: LoadSettings
}

async function setScene(server: Server, name: string): Promise<Scene> {
  const url = server.url(name)
  const client = await connect(url)
  await client.query('CREATE TABLE public.bookings (id int PRIMARY KEY, seen int) WITH (fillfactor = 50)')
  await client.query(
    'INSERT INTO public.bookings SELECT n, 0 FROM generate_series(1, 10000) n; ANALYZE public.bookings',
  )
  await client.end()
  const any = 'floor(random() * 10000)::int + 1'
  const transactions = [
    [`SELECT * FROM public.bookings WHERE id = ${any}`],
    [`UPDATE public.bookings SET seen = seen + 1 WHERE id = (SELECT ${any})`],
  ]
  return { url, load: { url, clients, pauseMs: 5, transactions } }
}

async function behindReaders(scene: Scene, onStep: BenchContext['onStep']): Promise<BenchRow> {
  const measured = await measure(
    scene,
    (work) => besideReaders(scene.url, work),
    (step) => onStep(`behind readers: ${step}`),
  )
  return rowOf(measured, {
    id: 'polite_locks',
    title: `What migrations behind readers of ${readerSeconds} s add to the longest wait of ${clients} clients: lock timeout of 1 s with retries, then migrate up and down`,
  })
}

async function onBusyTable(scene: Scene, onStep: BenchContext['onStep']): Promise<BenchRow> {
  const measured = await measure(
    scene,
    (work) => work(),
    (step) => onStep(`short transactions: ${step}`),
  )
  return rowOf(measured, {
    id: 'polite_locks_busy',
    title: `What migrations on a table with short transactions add to the longest wait of ${clients} clients: lock timeout of 1 s with retries, then migrate up and down`,
  })
}

interface Measured {
  quiet: LoadReport
  plain: LoadReport
  ours: LoadReport
  perSecond: number
  oursMs: number
}

async function measure(
  { url, load }: Scene,
  surround: (work: () => Promise<number>) => Promise<number>,
  onStep: (step: string) => void,
): Promise<Measured> {
  onStep('the load alone')
  const quiet = await underLoad(load, () => surround(() => timed(() => sleep(quietMs))))
  onStep('a plain lock timeout')
  const plain = await underLoad(load, () => surround(() => again(() => alterWithRetries(url))))
  onStep('migrate up and down')
  const ours = await underLoad(load, () => surround(() => again(() => migrateNote(url))))
  return {
    quiet: quiet.load,
    plain: plain.load,
    ours: ours.load,
    perSecond: Math.round(quiet.load.transactions / (quiet.result / 1_000)),
    oursMs: ours.result,
  }
}

function rowOf(
  { quiet, plain, ours, perSecond, oursMs }: Measured,
  names: { id: string; title: string },
): BenchRow {
  // Below a millisecond there is nothing to tell apart.
  const added = (load: LoadReport) => Math.max(1, load.worstMs - quiet.worstMs)
  const failed = ours.failed + plain.failed
  return benchRow({
    ...names,
    claim: `at most ${addedWaitMs} ms, 0 errors, and the migration gets through`,
    before: added(plain),
    after: added(ours),
    unit: 'ms',
    met: added(ours) <= addedWaitMs && ours.failed === 0,
    how: `${perSecond} transactions a second, longest wait ${Math.round(quiet.worstMs)} ms without a migration; ${failed} failed; up and down take ${(oursMs / 1_000).toFixed(1)} s`,
  })
}

/** Runs the work while one reader after the other reads the table; the first one is there already. */
async function besideReaders<T>(url: string, work: () => Promise<T>): Promise<T> {
  const reader = await connect(url)
  let stopped = false
  await reader.query('BEGIN; SELECT FROM public.bookings LIMIT 1; SELECT pg_sleep(0.2)')
  const reading = (async () => {
    for (;;) {
      await reader.query(`SELECT pg_sleep(${readerSeconds}); COMMIT`)
      if (stopped) return
      await sleep(pauseBetweenReadersMs)
      await reader.query('BEGIN; SELECT FROM public.bookings LIMIT 1')
    }
  })()
  try {
    return await work()
  } finally {
    stopped = true
    await reading
    await reader.end()
  }
}

/** Repeats the work for as long as the load alone was watched, so that their longest waits compare; returns the mean time. */
async function again(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  let times = 0
  do {
    await work()
    times += 1
  } while (performance.now() - started < quietMs)
  return (performance.now() - started) / times
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** What many do, and what we did: a lock timeout of a second, and pauses that grow. */
async function alterWithRetries(url: string): Promise<void> {
  const client = await connect(url)
  try {
    await client.query(`SET lock_timeout = '1s'`)
    await retry(client, 'ALTER TABLE public.bookings ADD COLUMN note text')
    await retry(client, 'ALTER TABLE public.bookings DROP COLUMN note')
  } finally {
    await client.end()
  }
}

async function retry(client: ClientBase, statement: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await client.query(statement)
      return
    } catch (error) {
      if (!isLockConflict(error)) throw error
      await sleep(Math.min(100 * 2 ** tries, 2_000) * (0.5 + Math.random()))
    }
  }
}

const migration = `
export function up(pgm) { pgm.sql('ALTER TABLE public.bookings ADD COLUMN note text') }
export function down(pgm) { pgm.sql('ALTER TABLE public.bookings DROP COLUMN note') }
`

async function migrateNote(url: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'hundredfold-bench-'))
  const client = await connect(url)
  try {
    await writeFile(join(directory, '20260101000000000_add-note.mjs'), migration)
    const migrations = await loadMigrations(directory)
    const options = { ...defaultRunOptions, client }
    for (const run of [up, down]) {
      const { failure } = await run(migrations, {}, options)
      if (failure) throw failure
    }
  } finally {
    await client.end()
    await rm(directory, { recursive: true })
  }
}
