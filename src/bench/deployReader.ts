import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../postgres/connect.ts'
import { down } from '../migrate/down.ts'
import { loadMigrations } from '../migrate/loadMigrations.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import { up } from '../migrate/up.ts'
import { benchRow } from './bench.ts'
import type { CasaoraDatabase } from './casaora/database.ts'
import type { LoadSettings } from './load/load.ts'
import { underLoad } from './load/load.ts'
import type { BenchRow } from './row.ts'

const readerSeconds = 5
const longestWaitMs = 1_200

/**
 * A migration that needs an exclusive lock meets a reader that takes five seconds. A plain ALTER waits for the reader, and
 * every client waits behind it. The runner gives up after the lock timeout and tries again.
 */
export async function behindReader(database: CasaoraDatabase, load: LoadSettings): Promise<BenchRow> {
  const plain = await underLoad(load, () =>
    besideReader(database, async () => {
      const client = await connect(database.ownerUrl)
      await client.query('ALTER TABLE public.bookings ADD COLUMN bench_note text')
      await client.query('ALTER TABLE public.bookings DROP COLUMN bench_note')
      await client.end()
    }),
  )
  const ours = await underLoad(load, () => besideReader(database, () => migrateNote(database)))
  return benchRow({
    id: 'deploy_reader',
    title: `Longest wait of a client behind a ${readerSeconds} s reader: plain ALTER, then migrate up`,
    claim: `at most ${longestWaitMs / 1_000} s, and the migration is applied`,
    before: plain.load.worstMs,
    after: ours.load.worstMs,
    unit: 'ms',
    met: ours.load.worstMs <= longestWaitMs && ours.load.failed === 0,
    how: `${ours.load.transactions} transactions, ${ours.load.failed} failed; default lock timeout and budget`,
  })
}

async function besideReader(database: CasaoraDatabase, work: () => Promise<void>): Promise<void> {
  const reader = await connect(database.ownerUrl)
  try {
    await reader.query('BEGIN; SELECT FROM public.bookings LIMIT 1')
    const reading = reader.query(`SELECT pg_sleep(${readerSeconds}); COMMIT`)
    await work()
    await reading
  } finally {
    await reader.end()
  }
}

const migration = `
export function up(pgm) { pgm.sql('ALTER TABLE public.bookings ADD COLUMN bench_note text') }
export function down(pgm) { pgm.sql('ALTER TABLE public.bookings DROP COLUMN bench_note') }
`

async function migrateNote(database: CasaoraDatabase): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'hundredfold-bench-'))
  const client = await connect(database.ownerUrl)
  try {
    await writeFile(join(directory, '20260101000000000_add-bench-note.mjs'), migration)
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
