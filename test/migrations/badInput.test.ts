import type { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { casaoraMigrations, casaoraServer, createCasaora } from '../../src/bench/casaora/database.ts'
import { connect } from '../../src/postgres/connect.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { ranText } from '../../src/report/runText.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import { runDown, runUp, runUpWithoutProofs } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase, urlOf } from '../support/database.ts'

const migrations = await loadMigrations(casaoraMigrations)

/** The name of the migration that ends so. */
function named(ending: string): string {
  const found = migrations.find(({ name }) => name.endsWith(`_${ending}`))
  if (!found) throw new Error(`no migration is called ${ending}`)
  return found.name
}

describe("Casaora's migrations report, before they change anything,", () => {
  let database: TestDatabase
  let superuser: Client
  let owner: Client

  beforeEach(async () => {
    database = await createDatabase({ from: 'casaora' })
    superuser = await database.connect()
    owner = await database.connect(database.ownerUrl)
  })
  afterEach(() => database.drop())

  const fingerprint = async (): Promise<string> => (await readFingerprint(superuser)).text

  it('that a table has another name', async () => {
    await owner.query('ALTER TABLE public.bookings RENAME TO appointments')
    const { ran, failure } = await runUp(owner, casaoraMigrations)
    expect(failure?.message).toContain(named('create-bookings-professional-id-booking-date-idx'))
    expect(failure?.message).toContain('no such table')
    expect(failure?.message).toContain('Nothing was changed')
    expect(ran.at(-1)?.name).toBe(named('enable-pg-trgm'))
    const left = await superuser.query(`SELECT FROM pg_class WHERE relname LIKE 'bookings_professional_id%'`)
    expect(left.rowCount).toBe(0)
  })

  it('that somebody made the index by hand under another name, and leave it alone both ways', async () => {
    await owner.query('CREATE INDEX by_hand ON public.bookings (professional_id, booking_date, start_time)')
    const name = named('create-bookings-professional-id-booking-date-idx')
    const before = await fingerprint()
    const { ran, failure } = await runUp(owner, casaoraMigrations, { to: name })
    expect(failure).toBeUndefined()
    const adopted = ran.at(-1)
    expect(adopted).toMatchObject({ name, adopted: true })
    expect(adopted && ranText(adopted)).toContain(
      'existed already, adopted, 0 ms, 2 conditions hold; found index public.by_hand: CREATE INDEX by_hand'.replace(
        '0 ms',
        `${adopted?.ms} ms`,
      ),
    )
    const made = await superuser.query(
      `SELECT FROM pg_class WHERE relname = 'bookings_professional_id_booking_date_idx'`,
    )
    expect(made.rowCount).toBe(0)
    expect((await runDown(owner, casaoraMigrations)).failure).toBeUndefined()
    expect(await fingerprint()).toBe(before)
  })

  it('and then apply the rest, and take all of it back', { timeout: 120_000 }, async () => {
    await owner.query(`
      CREATE INDEX find_by_email ON public.profiles (lower(email));
      CREATE INDEX latest ON public.messages (conversation_id, created_at DESC);
      CREATE INDEX listed ON public.professional_profiles (city_id, rating DESC)`)
    const before = await fingerprint()
    // No index changes what the proofs are asked.
    const { ran, failure } = await runUpWithoutProofs(owner, casaoraMigrations)
    expect(failure).toBeUndefined()
    expect(ran).toHaveLength(migrations.length)
    expect(ran.filter(({ adopted }) => adopted).map(({ name }) => name)).toEqual([
      named('create-professional-profiles-city-id-rating-listed-idx'),
      named('create-messages-conversation-id-created-at-idx'),
      named('create-profiles-lower-email-idx'),
    ])
    expect((await runDown(owner, casaoraMigrations)).failure).toBeUndefined()
    expect(await fingerprint()).toBe(before)
  })

  it('that somebody changed a policy', async () => {
    await owner.query(
      `ALTER POLICY "Users can view their bookings" ON public.bookings USING (customer_id = auth.uid())`,
    )
    const { ran, failure } = await runUp(owner, casaoraMigrations)
    expect(failure?.message).toContain(named('rewrite-bookings-policies'))
    expect(failure?.message).toContain('found USING ((customer_id = auth.uid()))')
    expect(ran.at(-1)?.name).toBe(named('create-profiles-full-name-trgm-idx'))
    const { rows } = await superuser.query<{ qual: string }>(
      `SELECT qual FROM pg_policies WHERE tablename = 'bookings' AND policyname = 'Admins manage bookings'`,
    )
    expect(rows).toEqual([{ qual: 'is_admin()' }])
  })

  it('that an index to be dropped is not what it was', async () => {
    await owner.query(`
      DROP INDEX public.idx_bookings_currency;
      CREATE UNIQUE INDEX idx_bookings_currency ON public.bookings (currency, id)`)
    const { failure } = await runUpWithoutProofs(owner, casaoraMigrations)
    expect(failure?.message).toContain(named('drop-idx-bookings-currency'))
    const kept = await superuser.query(`SELECT FROM pg_class WHERE relname = 'idx_bookings_currency'`)
    expect(kept.rowCount).toBe(1)
  })

  it('that the role is neither superuser nor owner', async () => {
    const role = `stranger_${database.name}`
    await superuser.query(`CREATE ROLE ${role} LOGIN PASSWORD 'for this test alone'`)
    try {
      const stranger = await database.connect(
        urlOf(database.name, { user: role, password: 'for this test alone' }),
      )
      const before = await fingerprint()
      await expect(runUp(stranger, casaoraMigrations)).rejects.toThrow(
        /lacks:\n[^]*ownership of public\.bookings \(it belongs to casaora_owner\)[^]*Nothing was run/,
      )
      expect(await fingerprint()).toBe(before)
    } finally {
      await superuser.query(`DROP ROLE IF EXISTS ${role}`)
    }
  })

  it('that pg_stat_statements is not preloaded', { timeout: 120_000 }, async () => {
    const server = await startEmbedded({ ...casaoraServer, settings: { shared_preload_libraries: '' } })
    const { ownerUrl } = await createCasaora(server, 'tiny')
    const client = await connect(ownerUrl)
    try {
      const { ran, failure } = await runUp(client, casaoraMigrations)
      expect(ran).toEqual([])
      expect(failure?.message).toContain(
        "extension pg_stat_statements is among the server's shared_preload_libraries",
      )
      const { rowCount } = await client.query(`SELECT FROM pg_extension WHERE extname = 'pg_stat_statements'`)
      expect(rowCount).toBe(0)
    } finally {
      await client.end()
      await server.stop()
    }
  })
})
