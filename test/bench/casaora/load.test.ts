import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  casaoraIdentities,
  casaoraOwner,
  casaoraToday,
  loadCasaora,
} from '../../../src/bench/casaora/load.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { asCaller } from './asCaller.ts'

const tables = [
  'auth.users',
  'public.cities',
  'public.profiles',
  'public.professional_profiles',
  'public.availability',
  'public.bookings',
  'public.reviews',
  'public.payment_intents',
  'public.favorites',
  'public.conversations',
  'public.conversation_members',
  'public.messages',
  'public.notifications',
  'public.audit_events',
]

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  client = await database.connect()
})
afterAll(() => database.drop())

async function value<T>(sql: string, from: Client = client): Promise<T> {
  const { rows } = await from.query<{ value: T }>(sql)
  const [row] = rows
  if (!row) throw new Error(`no row: ${sql}`)
  return row.value
}

/** One hash over all rows of every table, in whatever order they lie. */
async function contents(from: Client): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {}
  for (const table of tables) {
    hashes[table] = await value(
      `SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) AS value FROM ${table} t`,
      from,
    )
  }
  return hashes
}

describe('loadCasaora', () => {
  it('loads the same rows every time, beside other databases of the server and at the same time', async () => {
    const others = await Promise.all([createDatabase(), createDatabase()])
    try {
      const clients = await Promise.all(others.map((other) => other.connect()))
      await Promise.all(clients.map((other) => loadCasaora(other, { rows: 'tiny' })))
      const expected = await contents(client)
      for (const other of clients) expect(await contents(other)).toEqual(expected)
    } finally {
      await Promise.all(others.map((other) => other.drop()))
    }
  })

  it('leaves the session as it was and names its steps', async () => {
    const other = await createDatabase()
    try {
      const session = await other.connect()
      const settings = `
        SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) AS value
        FROM pg_settings WHERE source = 'session' OR name IN ('search_path', 'TimeZone')`
      const before = await value(settings, session)
      const steps: string[] = []
      await loadCasaora(session, { rows: 'tiny', onProgress: (step) => steps.push(step) })
      expect(await value(settings, session)).toBe(before)
      expect(await value(`SELECT current_user = session_user AS value`, session)).toBe(true)
      expect(steps).toEqual(expect.arrayContaining(['roles', 'bookings', 'policies', 'vacuum and analyze']))
    } finally {
      await other.drop()
    }
  })

  it('makes a role without superuser rights the owner of everything', async () => {
    expect(await value(`SELECT rolsuper AS value FROM pg_roles WHERE rolname = '${casaoraOwner}'`)).toBe(
      false,
    )
    expect(
      await value(`
        SELECT array_agg(DISTINCT relowner::regrole::text) AS value
        FROM pg_class WHERE relnamespace = 'public'::regnamespace`),
    ).toEqual([casaoraOwner])
  })

  it('protects every table of the application with policies', async () => {
    expect(
      await value(`
        SELECT count(*)::int AS value FROM pg_class c
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
          AND NOT (relrowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))`),
    ).toBe(0)
  })

  it('has bookings before and after today, and some professionals with many more than others', async () => {
    expect(
      await value(`SELECT count(*) FILTER (WHERE booking_date < '${casaoraToday}') > 100
        AND count(*) FILTER (WHERE booking_date > '${casaoraToday}') > 10 AS value FROM bookings`),
    ).toBe(true)
    const busiest = await client.query(
      'SELECT professional_id AS id FROM bookings GROUP BY 1 ORDER BY count(*) DESC LIMIT 1',
    )
    expect(busiest.rows).toEqual([{ id: casaoraIdentities.professional }])
    expect(
      await value(`SELECT max(count) > 10 * avg(count) AS value
        FROM (SELECT count(*) FROM bookings GROUP BY professional_id) b`),
    ).toBe(true)
  })

  it('has bloat where rows were updated and deleted: live rows take less than half of those tables', async () => {
    for (const table of ['bookings', 'payment_intents', 'notifications']) {
      const alive = await value<number>(
        `SELECT sum(pg_column_size(t) + 28) / pg_relation_size('${table}')::float AS value FROM ${table} t`,
      )
      expect(alive).toBeLessThan(0.55)
    }
  })

  it('lacks indexes on foreign keys, and has duplicate indexes', async () => {
    expect(
      await value(`
        SELECT count(*)::int AS value FROM pg_constraint f
        WHERE contype = 'f' AND NOT EXISTS (
          SELECT FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indkey[0] = f.conkey[1])`),
    ).toBeGreaterThan(8)
    expect(
      await value(`
        SELECT count(*)::int AS value FROM pg_index a JOIN pg_index b
        ON a.indrelid = b.indrelid AND a.indkey = b.indkey AND a.indexrelid < b.indexrelid`),
    ).toBeGreaterThanOrEqual(3)
  })
})

describe('row-level security of Casaora', () => {
  const { customer, professional, admin } = casaoraIdentities
  const count = (table: string) => `SELECT count(*)::int AS value FROM ${table}`

  const seen = async (sql: string, sub?: string): Promise<number> => {
    const result = await asCaller<{ value: number }>(
      client,
      sub ? { role: 'authenticated', claims: { sub, role: 'authenticated' } } : { role: 'anon' },
      sql,
    )
    return result.rows[0]?.value ?? 0
  }

  it('shows customers and professionals their own bookings, and administrators all', async () => {
    expect(await seen(count('bookings'), customer)).toBe(
      await value(`${count('bookings')} WHERE customer_id = '${customer}'`),
    )
    expect(await seen(count('bookings'), professional)).toBe(
      await value(`${count('bookings')} WHERE professional_id = '${professional}'`),
    )
    expect(await seen(count('bookings'), admin)).toBe(await value(count('bookings')))
  })

  it('shows visitors listed professionals and published content, and nothing else', async () => {
    expect(await seen(count('professional_profiles'))).toBe(
      await value(`${count('professional_profiles')} WHERE is_active AND verification_status = 'verified'`),
    )
    expect(await seen(count('reviews'))).toBe(await value(`${count('reviews')} WHERE is_published`))
    for (const table of ['bookings', 'payment_intents', 'messages', 'notifications', 'audit_events']) {
      expect(await seen(count(table))).toBe(0)
    }
  })

  it('shows messages only to the members of their conversation', async () => {
    expect(await seen(count('messages'), customer)).toBe(
      await value(`
        ${count('messages')} JOIN conversation_members USING (conversation_id) WHERE user_id = '${customer}'`),
    )
    expect(await seen(count('messages'), admin)).toBe(0)
  })

  it('shows professionals the profiles of their customers, and customers none of other customers', async () => {
    const customers = `${count('profiles')} WHERE role = 'customer'`
    expect(await seen(customers, professional)).toBe(
      await value(
        `SELECT count(DISTINCT customer_id)::int AS value FROM bookings WHERE professional_id = '${professional}'`,
      ),
    )
    expect(await seen(customers, customer)).toBe(1)
  })

  it('lets nobody book, pay or write in the name of somebody else', async () => {
    const insert = `INSERT INTO bookings
      (customer_id, professional_id, city_id, service, booking_date, start_time, duration_minutes, price_cents, currency)
      VALUES ('${customer}', '${professional}', 1, 'cleaning', '2026-12-01', '10:00', 60, 100, 'COP')`
    const by = (sub: string) =>
      asCaller(client, { role: 'authenticated', claims: { sub, role: 'authenticated' } }, insert)
    await expect(by(customer)).resolves.toMatchObject({ rowCount: 1 })
    await expect(by(professional)).rejects.toThrow('row-level security')
  })
})
