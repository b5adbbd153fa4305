import type { Client } from 'pg'
import { expect } from 'vitest'
import { casaoraIdentities } from '../../src/bench/casaora/load.ts'
import { casaoraPartitionSeries } from '../../src/bench/casaora/partitions.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import type { Caller } from '../bench/casaora/asCaller.ts'
import { asCaller } from '../bench/casaora/asCaller.ts'
import { runDown, runUp } from '../migrate/run.ts'

const permissionDenied = '42501'

const { customer, professional, admin } = casaoraIdentities
const user = (sub: string): Caller => ({ role: 'authenticated', claims: { sub } })
const callers: Record<string, Caller> = {
  'a visitor': { role: 'anon' },
  'a customer': user(customer),
  'a professional': user(professional),
  'an administrator': user(admin),
  'the service': { role: 'service_role' },
}

const ownBooking = `(SELECT id FROM bookings WHERE customer_id = '${customer}' ORDER BY booking_date, id LIMIT 1)`
const ownConversation = `(SELECT conversation_id FROM messages WHERE sender_id = '${customer}' ORDER BY id LIMIT 1)`

/** What callers do with the two tables and with those that point to them. */
const requests = {
  'reads bookings': `SELECT md5(string_agg(b::text, '' ORDER BY id)), count(*) FROM bookings b`,
  'reads messages': `SELECT md5(string_agg(m::text, '' ORDER BY id)), count(*) FROM messages m`,
  'reads reviews': 'SELECT count(*), sum(rating) FROM reviews',
  'reads payments': 'SELECT count(*), sum(amount_cents) FROM payment_intents',
  'reads customers': 'SELECT count(*) FROM profiles',
  books: `INSERT INTO bookings (customer_id, professional_id, city_id, service, booking_date, start_time,
      duration_minutes, price_cents, currency)
    SELECT '${customer}', '${professional}', city_id, service, '2026-12-24', start_time, 60, 1, currency
    FROM bookings WHERE id = ${ownBooking} RETURNING status, booking_date`,
  cancels: `UPDATE bookings SET status = 'cancelled' WHERE id = ${ownBooking} RETURNING id, status, updated_at > created_at`,
  'changes the date': `UPDATE bookings SET booking_date = '2026-12-24' WHERE id = ${ownBooking} RETURNING id, booking_date`,
  'deletes all bookings': 'DELETE FROM bookings',
  'deletes a free booking': `DELETE FROM bookings b WHERE NOT EXISTS (SELECT FROM payment_intents WHERE booking_id = b.id)`,
  writes: `INSERT INTO messages (conversation_id, sender_id, body, created_at)
    SELECT ${ownConversation}, '${customer}', 'On my way.', '2026-11-20' RETURNING body, conversation_id`,
  'reads what is new': `UPDATE messages SET read_at = '2026-11-21' WHERE conversation_id = ${ownConversation}`,
  'deletes messages': 'DELETE FROM messages',
  truncates: 'TRUNCATE messages',
  pays: `INSERT INTO payment_intents (booking_id, customer_id, amount_cents, currency, provider_intent_id)
    SELECT ${ownBooking}, '${customer}', 1, 'EUR', 'new' RETURNING booking_id, status`,
  'pays for nothing': `INSERT INTO payment_intents (booking_id, customer_id, amount_cents, currency, provider_intent_id)
    SELECT '${admin}', '${customer}', 1, 'EUR', 'new'`,
}

/**
 * Runs Casaora's partitions up, down and up again, with new rows in between, where all of its other migrations have run:
 * no caller sees a difference, none reads a partition by its own name, and the schema is as before.
 */
export async function partitionsComeAndGo(owner: Client, superuser: Client): Promise<void> {
  const fingerprint = async (): Promise<string> => (await readFingerprint(superuser)).text
  const before = await fingerprint()
  const seenBefore = await everything(superuser)
  expect((await runUp(owner, casaoraPartitionSeries)).failure?.message).toBeUndefined()
  const partitioned = await fingerprint()
  expect(await everything(superuser)).toEqual(seenBefore)
  expect(await readPartitions(superuser)).toEqual([permissionDenied])
  await addRows(owner)
  const rows = await countRows(superuser)
  const seenWithMore = await everything(superuser)
  // Each table is one again by then, and the rows of its partitions are in children by inheritance.
  for (const to of ['partition-messages-by-created-at', 'partition-bookings-by-booking-date']) {
    expect((await runDown(owner, casaoraPartitionSeries, { to })).failure?.message).toBeUndefined()
    expect(await everything(superuser), to).toEqual(seenWithMore)
  }
  expect((await runDown(owner, casaoraPartitionSeries)).failure?.message).toBeUndefined()
  expect(await fingerprint()).toBe(before)
  expect(await everything(superuser)).toEqual(seenWithMore)
  expect(await countRows(superuser)).toEqual(rows)
  await superuser.query(`
  DELETE FROM payment_intents WHERE provider_intent_id = booking_id::text;
    DELETE FROM bookings WHERE booking_date >= '2027-03-01';
    DELETE FROM messages WHERE created_at >= '2027-03-01'`)
  expect((await runUp(owner, casaoraPartitionSeries)).failure?.message).toBeUndefined()
  expect(await fingerprint()).toBe(partitioned)
  expect(await everything(superuser)).toEqual(seenBefore)
}

async function everything(client: Client): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for (const [who, caller] of Object.entries(callers)) {
    for (const [what, sql] of Object.entries(requests)) {
      found[`${who} ${what}`] = await asCaller(client, caller, sql).then(
        ({ rows, rowCount }) => ({ rows, rowCount }),
        // Its message names the partition.
        (error: { code?: string }) => error.code,
      )
    }
  }
  return found
}

/** What callers get who ask for partitions by their own names. */
async function readPartitions(client: Client): Promise<(string | undefined)[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits
     WHERE inhparent IN ('bookings'::regclass, 'messages'::regclass)`,
  )
  expect(rows).toHaveLength(12)
  const answers = new Set<string | undefined>()
  for (const { name } of rows) {
    for (const caller of Object.values(callers)) {
      const answer = await asCaller(client, caller, `SELECT FROM ${name}`).then(
        () => `rows of ${name}`,
        (error: { code?: string }) => error.code,
      )
      answers.add(answer)
    }
  }
  return [...answers]
}

/** In every new partition and in the default one, with what points to them. */
async function addRows(client: Client): Promise<void> {
  await client.query(`
    INSERT INTO bookings (customer_id, professional_id, city_id, service, booking_date, start_time, duration_minutes,
      price_cents, currency)
    SELECT customer_id, professional_id, city_id, service, date '2027-03-01' + n, start_time, 60, n, currency
    FROM generate_series(0, 200) n, (SELECT * FROM bookings ORDER BY id LIMIT 1) one;
    INSERT INTO payment_intents (booking_id, customer_id, amount_cents, currency, provider_intent_id)
    SELECT id, customer_id, 1, currency, id::text FROM bookings WHERE booking_date >= '2027-03-01';
    INSERT INTO messages (conversation_id, sender_id, body, created_at)
    SELECT conversation_id, sender_id, n::text, timestamptz '2027-03-01 00:00:00+00' + n * interval '1 day'
    FROM generate_series(0, 200) n, (SELECT * FROM messages ORDER BY id LIMIT 1) one`)
}

async function countRows(client: Client): Promise<unknown> {
  const { rows } = await client.query(
    `SELECT (SELECT count(*) FROM bookings) AS bookings, (SELECT count(*) FROM messages) AS messages,
       (SELECT count(DISTINCT id) FROM bookings) AS "different bookings", (SELECT count(*) FROM payment_intents) AS payments`,
  )
  return rows[0]
}
