/** A write by key, as the application's backend sends it, and how many of them a round has. */
export interface Write {
  name: string
  table: string
  /** Per round: about a fiftieth of what an hour of the workload has. */
  count: number
  sql: string
  /** Rows of arguments, the same on every copy of the database; a write takes the next one each time. */
  args: string
}

const person = (role: string) => `SELECT id FROM public.profiles WHERE role = '${role}'`
const shuffled = (rows: string, key: string) => `${rows} ORDER BY pg_catalog.md5(${key}::text) LIMIT 5000`

/** Writes to the tables that lose indexes, in the proportions of workload.sql. */
export const writeMix: Write[] = [
  {
    name: 'create a booking',
    table: 'bookings',
    count: 50,
    sql: `INSERT INTO public.bookings (customer_id, professional_id, city_id, service, booking_date, start_time,
            duration_minutes, price_cents, currency, address)
          VALUES ($1, $2, 34, 'cleaning', '2026-12-01', '10:00', 120, 90000, 'MXN', 'Calle 72 # 10-34')`,
    args: shuffled('SELECT customer_id AS a, professional_id AS b FROM public.bookings', 'id'),
  },
  {
    name: 'change the status of a booking',
    table: 'bookings',
    count: 48,
    sql: `UPDATE public.bookings SET status = CASE status WHEN 'confirmed' THEN 'completed' ELSE 'confirmed' END WHERE id = $1`,
    args: shuffled('SELECT id AS a FROM public.bookings', 'id'),
  },
  {
    name: 'start a payment',
    table: 'payment_intents',
    count: 50,
    sql: `INSERT INTO public.payment_intents (booking_id, customer_id, amount_cents, currency, provider_intent_id, metadata)
          VALUES ($1, $2, 90000, 'MXN', 'pi_' || pg_catalog.gen_random_uuid(), '{"channel": "app", "attempt": 1}')`,
    args: shuffled('SELECT id AS a, customer_id AS b FROM public.bookings', 'id'),
  },
  {
    name: 'settle a payment',
    table: 'payment_intents',
    count: 50,
    sql: `UPDATE public.payment_intents SET status = 'succeeded' WHERE provider_intent_id = $1`,
    args: shuffled('SELECT provider_intent_id AS a FROM public.payment_intents', 'id'),
  },
  {
    name: 'send a message',
    table: 'messages',
    count: 200,
    sql: `INSERT INTO public.messages (conversation_id, sender_id, body) VALUES ($1, $2, 'I am on my way.')`,
    args: shuffled('SELECT id AS a, created_by AS b FROM public.conversations', 'id'),
  },
  {
    name: 'read a message',
    table: 'messages',
    count: 120,
    sql: `UPDATE public.messages SET read_at = pg_catalog.now() WHERE id = $1`,
    args: shuffled('SELECT id AS a FROM public.messages', 'id'),
  },
  {
    name: 'notify',
    table: 'notifications',
    count: 240,
    sql: `INSERT INTO public.notifications (user_id, kind, title, payload)
          VALUES ($1, 'new_message', 'New Message', pg_catalog.jsonb_build_object('conversation', $2::text))`,
    args: shuffled('SELECT created_by AS a, id AS b FROM public.conversations', 'id'),
  },
  {
    name: 'read a notification',
    table: 'notifications',
    count: 60,
    sql: `UPDATE public.notifications SET read_at = pg_catalog.now() WHERE id = $1`,
    args: shuffled('SELECT id AS a FROM public.notifications', 'id'),
  },
  {
    name: 'write to the audit log',
    table: 'audit_events',
    count: 160,
    sql: `INSERT INTO public.audit_events (actor_id, action, entity, entity_id, detail)
          VALUES ($1, 'update', 'bookings', $2, '{"ip": "10.1.2.3", "agent": "casaora/7"}')`,
    args: shuffled('SELECT customer_id AS a, id AS b FROM public.bookings', 'id'),
  },
  {
    name: 'write a review',
    table: 'reviews',
    count: 30,
    sql: `INSERT INTO public.reviews (booking_id, customer_id, professional_id, rating, comment)
          VALUES ($1, $2, $3, 5, 'Arrived on time, worked carefully and left everything in order.')
          ON CONFLICT DO NOTHING`,
    args: shuffled(
      `SELECT id AS a, customer_id AS b, professional_id AS c FROM public.bookings b
       WHERE NOT EXISTS (SELECT FROM public.reviews r WHERE r.booking_id = b.id)`,
      'id',
    ),
  },
  {
    name: 'change a profile',
    table: 'profiles',
    count: 12,
    sql: `UPDATE public.profiles SET phone = '+57 300 1234567' WHERE id = $1`,
    args: shuffled(person('customer'), 'id'),
  },
  {
    name: 'add a favorite',
    table: 'favorites',
    count: 18,
    sql: `INSERT INTO public.favorites (customer_id, professional_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    args: shuffled('SELECT customer_id AS a, professional_id AS b FROM public.bookings', 'id'),
  },
]
