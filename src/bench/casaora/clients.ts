import type { Client } from 'pg'
import type { LoadReport, LoadSettings } from '../load/load.ts'

/** What the clients change, and what is counted to find out whether anything was lost. */
export interface CasaoraTotals {
  bookings: number
  /** Different ids: equal to `bookings` if no row is there twice. */
  'different bookings': number
  /** Each update of a booking adds one cent, and new bookings cost nothing. */
  cents: number
  messages: number
  'different messages': number
  payments: number
  /** Payments whose booking is not there. */
  'payments without a booking': number
}

/** The transactions of the clients, and what each adds to the totals once it is committed. */
const effects: Partial<CasaoraTotals>[] = [
  {},
  { bookings: 1, 'different bookings': 1 },
  { cents: 1 },
  { messages: 1, 'different messages': 1 },
  {},
  { payments: 1 },
  {},
]

/** What the clients were told is done. */
export function toldBy({ committed }: LoadReport): Partial<CasaoraTotals>[] {
  return committed.flatMap((times, kind) => Array.from({ length: times }, () => effects[kind] ?? {}))
}

export interface CasaoraClientsOptions {
  url: string
  clients: number
  /** New bookings and messages are of this day, or of one of the days after it. */
  from: string
  days: number
}

/**
 * Customers who book, change bookings, pay, write and read, each request as the application sends it: a transaction as
 * `authenticated` with the customer's claims, through all policies.
 *
 * @param client to find customers with bookings and conversations, as superuser
 */
export async function casaoraClients(
  client: Client,
  { url, clients, from, days }: CasaoraClientsOptions,
): Promise<LoadSettings> {
  const customers = await listCustomers(client)
  const day = `date '${from}' + floor(random() * ${days})::int`
  const me = '(SELECT auth.uid())'
  const mine = `SELECT id FROM bookings WHERE customer_id = ${me}`
  const request = (...statements: string[]) => [
    `SELECT set_config('request.jwt.claims', json_build_object('sub', (ARRAY[${customers.join(', ')}])[1 + floor(random() * ${customers.length})::int])::text, true)`,
    'SET LOCAL ROLE authenticated',
    ...statements,
  ]
  /** It fails where nothing was changed, so that a row that cannot be seen counts as lost. */
  const change = (statement: string) =>
    request(`DO $$ BEGIN ${statement}; IF NOT FOUND THEN RAISE 'nothing was changed'; END IF; END $$`)
  return {
    ...{ url, clients, pauseMs: 5 },
    transactions: [
      request(`${mine} ORDER BY booking_date DESC LIMIT 20`),
      change(
        `INSERT INTO bookings (customer_id, professional_id, city_id, service, booking_date, start_time, duration_minutes,
           price_cents, currency)
         SELECT customer_id, professional_id, city_id, service, ${day}, start_time, 60, 0, currency
         FROM bookings WHERE customer_id = ${me} LIMIT 1`,
      ),
      change(
        `UPDATE bookings SET price_cents = price_cents + 1 WHERE id = (${mine} ORDER BY booking_date DESC LIMIT 1)`,
      ),
      change(
        `INSERT INTO messages (conversation_id, sender_id, body, created_at)
         SELECT conversation_id, ${me}, 'I am on my way.', ${day} FROM conversation_members WHERE user_id = ${me} LIMIT 1`,
      ),
      request(
        `SELECT body FROM messages WHERE conversation_id = (SELECT conversation_id FROM conversation_members
           WHERE user_id = ${me} LIMIT 1) ORDER BY created_at DESC LIMIT 20`,
      ),
      change(
        `INSERT INTO payment_intents (booking_id, customer_id, amount_cents, currency, provider_intent_id)
         SELECT id, customer_id, 1, currency, gen_random_uuid() FROM bookings WHERE customer_id = ${me} LIMIT 1`,
      ),
      request(`SELECT status, count(*) FROM bookings WHERE customer_id = ${me} GROUP BY status`),
    ],
  }
}

async function listCustomers(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT DISTINCT customer_id AS id FROM bookings
     WHERE customer_id IN (SELECT user_id FROM conversation_members) ORDER BY 1 LIMIT 50`,
  )
  return rows.map(({ id }) => `'${id}'`)
}

/** The totals, as superuser. */
export async function readTotals(client: Client): Promise<CasaoraTotals> {
  const { rows } = await client.query<CasaoraTotals>(
    `SELECT bookings.*, messages.*, payments.*
     FROM (SELECT count(*)::float8 AS bookings, count(DISTINCT id)::float8 AS "different bookings",
             sum(price_cents)::float8 AS cents FROM bookings) bookings,
       (SELECT count(*)::float8 AS messages, count(DISTINCT id)::float8 AS "different messages" FROM messages) messages,
       (SELECT count(*)::float8 AS payments, count(*) FILTER (WHERE booking.id IS NULL)::float8
             AS "payments without a booking"
        FROM payment_intents LEFT JOIN bookings booking ON booking.id = booking_id) payments`,
  )
  if (!rows[0]) throw new Error('an aggregate has one row')
  return rows[0]
}

/** Each total that is not what it was and what was added to it, as text; empty where nothing is lost or doubled. */
export function differencesOf(
  before: CasaoraTotals,
  added: readonly Partial<CasaoraTotals>[],
  now: CasaoraTotals,
): string[] {
  return (Object.keys(before) as (keyof CasaoraTotals)[]).flatMap((total) => {
    const expected = added.reduce((sum, each) => sum + (each[total] ?? 0), before[total])
    return now[total] === expected ? [] : [`${total}: ${now[total]} instead of ${expected}`]
  })
}
