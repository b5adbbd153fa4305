import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import type { RunOptions } from '../../src/migrate/runOptions.ts'
import type { PartitionPlan } from '../../src/partition/plan.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { writeSeries } from './writeSeries.ts'

let database: TestDatabase
let owner: Client
let files: MigrationDirectory
let plan: PartitionPlan
let further: Partial<RunOptions>

const request = {
  ...{ table: { schema: 'public', name: 'bookings' }, key: 'booking_date', every: 'month' as const },
  ...{ ahead: 3, accept: ['bookings_pkey'], rewriteHistory: true, retention: '24 months' },
}

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  owner = await database.connect(database.ownerUrl)
  further = { openSession: () => database.connect(database.ownerUrl) }
  plan = await planPartitions(owner, request)
  files = await migrationDirectory({})
  await writeSeries(files.path, plan.operations)
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await database.drop()
})

async function up(count?: number): Promise<void> {
  const { failure } = await runUp(owner, files.path, { ...further, ...(count ? { count } : {}) })
  expect(failure?.message).toBeUndefined()
}

async function down(count?: number): Promise<void> {
  const { failure } = await runDown(owner, files.path, { ...further, ...(count ? { count } : {}) })
  expect(failure?.message).toBeUndefined()
}

/** A new booking, a changed one, one on another day, and one less. */
async function change(): Promise<void> {
  await owner.query(`
    INSERT INTO public.bookings (customer_id, professional_id, city_id, service, booking_date, start_time, duration_minutes, price_cents, currency)
    SELECT customer_id, professional_id, city_id, service, booking_date + CASE WHEN booking_date < current_date THEN 45 ELSE -45 END, start_time, duration_minutes, price_cents, currency
    FROM public.bookings ORDER BY id LIMIT 5;
    UPDATE public.bookings SET notes = 'changed' WHERE id IN (SELECT id FROM public.bookings ORDER BY id DESC LIMIT 5);
    UPDATE public.bookings SET booking_date = booking_date + CASE WHEN booking_date < current_date THEN 30 ELSE -30 END WHERE id IN (
      SELECT id FROM public.bookings b WHERE NOT EXISTS (SELECT FROM public.reviews r WHERE r.booking_id = b.id)
        AND NOT EXISTS (SELECT FROM public.payment_intents p WHERE p.booking_id = b.id)
        AND NOT EXISTS (SELECT FROM public.conversations c WHERE c.booking_id = b.id) ORDER BY id LIMIT 2);
    DELETE FROM public.bookings WHERE id = (
      SELECT id FROM public.bookings b WHERE NOT EXISTS (SELECT FROM public.payment_intents p WHERE p.booking_id = b.id) ORDER BY id LIMIT 1)`)
}

async function bookings(): Promise<string> {
  const { rows } = await owner.query<{ digest: string }>(
    `SELECT md5(string_agg(b::text, ',' ORDER BY id)) || ' ' || count(*) AS digest FROM public.bookings b`,
  )
  return rows[0]?.digest ?? ''
}

async function partitions(): Promise<{ name: string; rows: number }[]> {
  const { rows } = await owner.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'public.bookings'::regclass ORDER BY 1`,
  )
  const found: { name: string; rows: number }[] = []
  for (const { name } of rows) {
    const counted = await owner.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${name}`)
    found.push({ name, rows: counted.rows[0]?.rows ?? 0 })
  }
  return found
}

describe('bookings are copied into partitions', () => {
  let before: string
  const series = () => plan.operations.map(({ title }) => title)

  test('by a series of migrations', () => {
    expect(plan.refused).toEqual([])
    expect(series()).toEqual([
      'create-schema-private',
      'carry-booking-date-to-conversations',
      'carry-booking-date-to-payment-intents',
      'carry-booking-date-to-reviews',
      'create-copy-of-bookings',
      'copy-rows-of-bookings',
      'index-copy-of-bookings',
      'partition-bookings-by-booking-date',
      'validate-keys-to-bookings',
      'keep-partitions-of-bookings-ahead',
      'drop-old-partitions-of-bookings',
    ])
  })

  test('each row into the partition of its month, whatever changes between two migrations', async () => {
    before = (await readFingerprint(owner)).text
    for (let at = 0; at < 8; at += 1) {
      await up(1)
      await change()
    }
    await up()
    const leaves = await partitions()
    expect(leaves.filter(({ rows }) => rows > 0).length).toBeGreaterThan(5)
    expect(leaves.find(({ name }) => name === 'bookings_default')?.rows).toBe(0)
  })

  test('and after weeks the table is what it was, with every change', async () => {
    await owner.query(`SELECT private.add_partitions_of_bookings(9)`)
    await change()
    const rows = await bookings()
    await down()
    expect((await readFingerprint(owner)).text).toBe(before)
    expect(await bookings()).toBe(rows)
  })

  test('and the other way again, from each migration on', async () => {
    await up()
    await change()
    const rows = await bookings()
    const partitioned = (await readFingerprint(owner)).text
    await down(2)
    for (let at = 0; at < 5; at += 1) {
      await down(1)
      await up(1)
      await down(1)
    }
    await down()
    expect((await readFingerprint(owner)).text).toBe(before)
    await up()
    expect((await readFingerprint(owner)).text).toBe(partitioned)
    await down()
    expect((await readFingerprint(owner)).text).toBe(before)
    expect(await bookings()).toBe(rows)
  })
})

describe('once nobody wants to go back at once', () => {
  beforeAll(() => up())

  test('retention drops rows from the table that it was too', async () => {
    const first = (await partitions())[0]
    expect(first?.rows).toBeGreaterThan(0)
    await owner.query(`
      DELETE FROM public.payment_intents WHERE booking_id IN (SELECT id FROM ${first?.name});
      UPDATE public.conversations SET booking_id = NULL WHERE booking_id IN (SELECT id FROM ${first?.name});
      DELETE FROM public.reviews WHERE booking_id IN (SELECT id FROM ${first?.name})`)
    const { rows: ages } = await owner.query<{ age: string }>(
      `SELECT now()::date - (date_trunc('month', max(booking_date)) + interval '1 month')::date || ' days' AS age FROM ${first?.name}`,
    )
    await owner.query(`CALL private.drop_partitions_of_bookings('${ages[0]?.age}')`)
    expect((await partitions())[0]?.name).not.toBe(first?.name)
    expect(await differences()).toBe(0)
  })

  test('the same command writes a migration that drops that table, and its way back makes it again', async () => {
    const cleaning = await planPartitions(owner, request)
    expect(cleaning.operations.map(({ title }) => title)).toEqual(['drop-bookings-before'])
    const kept = (await readFingerprint(owner)).text
    await writeSeries(files.path, cleaning.operations)
    await up()
    expect((await owner.query(`SELECT to_regclass('public.bookings_before') AS before`)).rows).toEqual([
      { before: null },
    ])
    await change()
    await down(1)
    expect((await readFingerprint(owner)).text).toBe(kept)
    expect(await differences()).toBe(0)
    await change()
    expect(await differences()).toBe(0)
    const rows = await bookings()
    await down()
    expect(await bookings()).toBe(rows)
  })
})

/** Rows that only one of the partitioned table and the one that it was has. */
async function differences(): Promise<number> {
  const { rows } = await owner.query<{ differing: number }>(
    `SELECT ((SELECT count(*) FROM (TABLE public.bookings EXCEPT TABLE public.bookings_before) lost)
      + (SELECT count(*) FROM (TABLE public.bookings_before EXCEPT TABLE public.bookings) extra))::int AS differing`,
  )
  return rows[0]?.differing ?? -1
}
