/** A write by key, as the application's backend sends it, and how often a round sends it. */
export interface Write {
  name: string
  table: string
  /** Per round: about what the workload has in five minutes. */
  count: number
  sql: string
  /** A query for the rows of arguments, the same on every copy of the database; each write takes the next one. */
  args: string
}

/**
 * The newest rows of a table, in pseudo-random order: people answer today's messages and pay for their latest booking,
 * but the keys of these rows are spread over the indexes.
 */
const newest = (columns: string, table: string, { by = 'created_at', where = 'true' } = {}) =>
  `SELECT ${columns} FROM (SELECT * FROM public.${table} t WHERE ${where} ORDER BY ${by} DESC, id LIMIT 5000) newest
   ORDER BY pg_catalog.md5(id::text)`

/** Writes to the tables that lose indexes, in the proportions of workload.sql. */
export const writeMix: Write[] = [
  {
    name: 'create a booking',
    table: 'bookings',
    count: 200,
    sql: `INSERT INTO public.bookings (customer_id, professional_id, city_id, service, booking_date, start_time,
            duration_minutes, price_cents, currency, address)
          VALUES ($1, $2, 34, 'cleaning', '2026-12-01', '10:00', 120, 90000, 'MXN', 'Calle 72 # 10-34')`,
    args: newest('customer_id, professional_id', 'bookings'),
  },
  {
    name: 'change the status of a booking',
    table: 'bookings',
    count: 192,
    sql: `UPDATE public.bookings SET status = CASE status WHEN 'confirmed' THEN 'completed' ELSE 'confirmed' END WHERE id = $1`,
    args: newest('id', 'bookings'),
  },
  {
    name: 'start a payment',
    table: 'payment_intents',
    count: 200,
    sql: `INSERT INTO public.payment_intents (booking_id, customer_id, amount_cents, currency, provider_intent_id, metadata)
          VALUES ($1, $2, 90000, 'MXN', 'pi_' || pg_catalog.gen_random_uuid(), '{"channel": "app", "attempt": 1}')`,
    args: newest('id, customer_id', 'bookings'),
  },
  {
    name: 'settle a payment',
    table: 'payment_intents',
    count: 200,
    sql: `UPDATE public.payment_intents SET status = 'succeeded' WHERE provider_intent_id = $1`,
    args: newest('provider_intent_id', 'payment_intents'),
  },
  {
    name: 'send a message',
    table: 'messages',
    count: 800,
    sql: `INSERT INTO public.messages (conversation_id, sender_id, body) VALUES ($1, $2, 'I am on my way.')`,
    args: newest('id, created_by', 'conversations', { by: 'last_message_at' }),
  },
  {
    name: 'read a message',
    table: 'messages',
    count: 480,
    sql: `UPDATE public.messages SET read_at = pg_catalog.now() WHERE id = $1`,
    args: newest('id', 'messages'),
  },
  {
    name: 'notify',
    table: 'notifications',
    count: 960,
    sql: `INSERT INTO public.notifications (user_id, kind, title, payload)
          VALUES ($1, 'new_message', 'New Message', pg_catalog.jsonb_build_object('conversation', $2::text))`,
    args: newest('created_by, id', 'conversations', { by: 'last_message_at' }),
  },
  {
    name: 'read a notification',
    table: 'notifications',
    count: 240,
    sql: `UPDATE public.notifications SET read_at = pg_catalog.now() WHERE id = $1`,
    args: newest('id', 'notifications'),
  },
  {
    name: 'write to the audit log',
    table: 'audit_events',
    count: 640,
    sql: `INSERT INTO public.audit_events (actor_id, action, entity, entity_id, detail)
          VALUES ($1, 'update', 'bookings', $2, '{"ip": "10.1.2.3", "agent": "casaora/7"}')`,
    args: newest('customer_id, id', 'bookings'),
  },
  {
    name: 'write a review',
    table: 'reviews',
    count: 120,
    sql: `INSERT INTO public.reviews (booking_id, customer_id, professional_id, rating, comment)
          VALUES ($1, $2, $3, 5, 'Arrived on time, worked carefully and left everything in order.')
          ON CONFLICT DO NOTHING`,
    args: newest('id, customer_id, professional_id', 'bookings', {
      where: 'NOT EXISTS (SELECT FROM public.reviews r WHERE r.booking_id = t.id)',
    }),
  },
  {
    name: 'change a profile',
    table: 'profiles',
    count: 48,
    sql: `UPDATE public.profiles SET phone = '+57 300 1234567' WHERE id = $1`,
    args: newest('id', 'profiles', { where: "t.role = 'customer'" }),
  },
  {
    name: 'add a favorite',
    table: 'favorites',
    count: 72,
    sql: `INSERT INTO public.favorites (customer_id, professional_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    args: newest('customer_id, professional_id', 'bookings'),
  },
]
