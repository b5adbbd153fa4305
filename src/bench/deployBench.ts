import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../postgres/connect.ts'
import { down } from '../migrate/down.ts'
import { loadMigrations } from '../migrate/loadMigrations.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import { up } from '../migrate/up.ts'
import { provideServer } from '../servers/provideServer.ts'
import type { Bench } from './bench.ts'
import { benchRow } from './bench.ts'
import type { CasaoraDatabase } from './casaora/database.ts'
import { casaoraMigrations, casaoraServer, createCasaora } from './casaora/database.ts'
import { behindReader } from './deployReader.ts'
import type { LoadSettings } from './load/load.ts'
import { underLoad } from './load/load.ts'

const clients = 8
/** What a deploy may add to a client's longest wait. */
const addedWaitMs = 200

/** Longest wait of a client while all migrations go up and down, compared with the same load without migrations. */
export const deployBench: Bench = {
  id: 'deploy',
  title: 'Clients while migrations run',
  rowIds: ['deploy', 'deploy_reader'],
  async run({ config, rows, onStep }) {
    const server = await provideServer(config, casaoraServer)
    try {
      onStep('loading Casaora')
      const database = await createCasaora(server, rows, onStep)
      const load = loadOf(database)
      onStep('migrations up and down under load')
      const started = performance.now()
      const deploy = await underLoad(load, () => migrateUpAndDown(database))
      const took = performance.now() - started
      onStep('the same load without migrations')
      const quiet = await underLoad(load, () => sleep(took))
      const { failed, failures, worstMs, transactions } = deploy.load
      const row = benchRow({
        id: 'deploy',
        title: `Longest wait of ${clients} clients while ${deploy.result} migrations go up and down`,
        claim: `0 errors, at most ${addedWaitMs} ms more than without`,
        before: quiet.load.worstMs,
        after: worstMs,
        unit: 'ms',
        met: failed === 0 && worstMs <= quiet.load.worstMs + addedWaitMs,
        how: `${transactions} transactions, ${failed} failed${failures.length > 0 ? ` (${failures.join('; ')})` : ''}; ${quiet.load.transactions} without migrations in the same time`,
      })
      onStep('behind a reader that takes 5 s')
      return [row, await behindReader(database, load)]
    } finally {
      await server.stop()
    }
  },
}

async function migrateUpAndDown(database: CasaoraDatabase): Promise<number> {
  const migrations = await loadMigrations(casaoraMigrations)
  const client = await connect(database.ownerUrl)
  try {
    const options = { ...defaultRunOptions, client }
    const applied = await up(migrations, {}, options)
    if (applied.failure) throw applied.failure
    const back = await down(migrations, { count: migrations.length }, options)
    if (back.failure) throw back.failure
    return applied.ran.length
  } finally {
    await client.end()
  }
}

/** Reads and writes by key on every table that the migrations touch, as the application's backend sends them. */
function loadOf(database: CasaoraDatabase): LoadSettings {
  const anyOf = (table: string, key = 'id') =>
    `(SELECT ${key} FROM public.${table} OFFSET floor(random() * 100) LIMIT 1)`
  return {
    url: database.ownerUrl,
    clients,
    pauseMs: 5,
    transactions: [
      [`SELECT * FROM public.bookings WHERE id = ${anyOf('bookings')}`],
      [`UPDATE public.bookings SET updated_at = now() WHERE id = ${anyOf('bookings')}`],
      [
        `SELECT * FROM public.professional_profiles WHERE profile_id = ${anyOf('professional_profiles', 'profile_id')}`,
      ],
      [`UPDATE public.payment_intents SET updated_at = now() WHERE id = ${anyOf('payment_intents')}`],
      [`SELECT * FROM public.messages WHERE id = ${anyOf('messages')}`],
      [`UPDATE public.messages SET read_at = now() WHERE id = ${anyOf('messages')}`],
      [`UPDATE public.notifications SET read_at = now() WHERE id = ${anyOf('notifications')}`],
      [`SELECT * FROM public.reviews WHERE id = ${anyOf('reviews')}`],
      [`SELECT * FROM public.profiles WHERE id = ${anyOf('profiles')}`],
      [
        `SELECT * FROM public.conversations WHERE id = ${anyOf('conversations')}`,
        'SELECT 1 FROM public.cities LIMIT 1',
      ],
      ['SELECT 1 FROM public.availability LIMIT 1', 'SELECT 1 FROM public.favorites LIMIT 1'],
      ['SELECT 1 FROM public.conversation_members LIMIT 1', 'SELECT 1 FROM public.audit_events LIMIT 1'],
    ],
  }
}
