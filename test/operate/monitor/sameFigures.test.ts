import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sumBlockHits } from '../../../src/catalog/blockHits.ts'
import { sumDeadRows } from '../../../src/catalog/deadRows.ts'
import type { Reader } from '../../../src/catalog/reader.ts'
import { findMostUsedSequences, listSequences } from '../../../src/catalog/sequences.ts'
import { snapshotOf } from '../../../src/catalog/snapshot.ts'
import { listUserSchemas } from '../../../src/catalog/userSchemas.ts'
import { diagnose } from '../../../src/diagnose/diagnose.ts'
import { readCacheHits } from '../../../src/metrics/cacheHits.ts'
import { deadPercent } from '../../../src/metrics/deadTuples.ts'
import { usedPart } from '../../../src/metrics/sequenceUse.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { display } from '../../../src/postgres/identifiers.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { underSavepoint } from '../../../src/postgres/savepoint.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

/** What the server adds up for monitor is what the sections of a report add up from lists. */
let database: TestDatabase
let client: Client
beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  const writer = await database.connect()
  await writer.query(`
    DELETE FROM messages WHERE id % 3 = 0; UPDATE bookings SET id = id WHERE id IN (SELECT id FROM bookings LIMIT 50);
    CREATE TABLE parts (id int, at date, note text) PARTITION BY RANGE (at);
    CREATE TABLE parts_old PARTITION OF parts DEFAULT;
    INSERT INTO parts SELECT i, '2026-01-01', repeat(md5(i::text), 200) FROM generate_series(1, 500) i;
    DELETE FROM parts WHERE id < 100;
    CREATE MATERIALIZED VIEW kept AS SELECT id FROM bookings;
    SELECT count(*) FROM kept;
    CREATE SEQUENCE down_to INCREMENT -1 MINVALUE -1000 MAXVALUE 0 START 0; SELECT nextval('down_to');
    SELECT setval('down_to', -900);
    CREATE SEQUENCE small AS smallint; SELECT setval('small', 20000);
    CREATE SEQUENCE again MAXVALUE 10 CYCLE; SELECT setval('again', 10);
    CREATE SEQUENCE never_used MAXVALUE 2;
    CREATE TABLE narrow (id integer); CREATE SEQUENCE wide OWNED BY narrow.id; SELECT setval('wide', 1000000000);
    CREATE TABLE huge (id bigint PRIMARY KEY); CREATE SEQUENCE far OWNED BY huge.id;
    SELECT setval('far', 9000000000000000000)`)
  await writer.end()
  client = await database.connect()
})
afterAll(() => database.drop())

const inSnapshot = <T>(look: (read: <V>(reader: Reader<V>) => Promise<V>) => Promise<T>) =>
  readOnly(client, () => underSavepoint(borrow(client), () => look(snapshotOf(borrow(client)).read)))

test('blocks found in cache and read, of tables, indexes and TOAST', async () => {
  const [sums, listed] = await readOnly(client, async () => {
    const snapshot = snapshotOf(borrow(client))
    return [
      await sumBlockHits(borrow(client), await snapshot.read(listUserSchemas)),
      await readCacheHits(snapshot),
    ]
  })
  expect(sums.blocksHit).toBeGreaterThan(1_000)
  expect({ hit: sums.blocksHit, read: sums.blocksRead }).toEqual({
    hit: listed.blocksHit,
    read: listed.blocksRead,
  })
})

test('the share of dead rows', async () => {
  const sums = await inSnapshot(async (read) => sumDeadRows(borrow(client), await read(listUserSchemas)))
  const { report } = await diagnose(client, { rules: [] })
  const percent = deadPercent(sums)
  expect(percent).toBeGreaterThan(1)
  expect(percent).toBe(report.metrics.find(({ id }) => id === 'dead_tuples')?.value)
})

test('the sequences that are nearest to their end, in order, with what they have used', async () => {
  const [found, all] = await inSnapshot(async (read) => [
    await findMostUsedSequences(borrow(client), await read(listUserSchemas), 6),
    await read(listSequences),
  ])
  expect(found.hidden).toBe(0)
  const expected = all
    .filter(({ cycles, lastValue }) => !cycles && lastValue !== null)
    .map((sequence) => ({ name: display(sequence), used: usedPart(sequence) }))
    .sort((one, other) => other.used - one.used)
    .slice(0, 6)
  expect(found.sequences.map((sequence) => ({ name: display(sequence), used: usedPart(sequence) }))).toEqual(
    expected,
  )
  expect(expected.map(({ name }) => name).slice(0, 4)).toEqual([
    ...['public.far', 'public.down_to', 'public.small', 'public.wide'],
  ])
})
