import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { explainSymptom, recognise, symptoms } from '../../src/why/why.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

/** Errors as PostgreSQL, PgBouncer, Supavisor and drivers write them. */
const texts: [string, string][] = [
  [
    'FATAL: MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size',
    'session_pool_full',
  ],
  ['(EMAXCONNSESSION) max clients reached in session mode', 'session_pool_full'],
  ['FATAL: no more connections allowed (max_client_conn)', 'session_pool_full'],
  ['FATAL:  sorry, too many clients already', 'too_many_clients'],
  [
    'FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute',
    'too_many_clients',
  ],
  ['FATAL:  too many connections for role "app"', 'too_many_clients'],
  ['FATAL: query_wait_timeout', 'pool_wait_timeout'],
  ['Timed out fetching a new connection from the connection pool. (P2024)', 'pool_wait_timeout'],
  ['error: connection to server was lost', 'connection_lost'],
  ['FATAL: terminating connection due to administrator command', 'connection_lost'],
  ['FATAL: Tenant or user not found', 'no_such_tenant'],
  ['FATAL: password authentication failed for user "postgres"', 'cannot_login'],
  ['connect ECONNREFUSED 127.0.0.1:5432', 'cannot_reach'],
  ['ERROR: prepared statement "s0" already exists', 'prepared_statement'],
  ['VACUUM FULL takes too long', 'vacuum_full_takes_long'],
  ['VACUUM (FULL, ANALYZE) bookings has been running for hours', 'vacuum_full_takes_long'],
  ['ERROR:  canceling statement due to lock timeout', 'lock_timeout'],
  ['ERROR:  deadlock detected', 'deadlock'],
  ['ERROR:  could not serialize access due to concurrent update', 'serialization'],
  ['FATAL:  terminating connection due to idle-in-transaction timeout', 'idle_in_transaction_timeout'],
  [
    'ERROR:  current transaction is aborted, commands ignored until end of transaction block',
    'transaction_aborted',
  ],
  ['queries are slow after adding indexes', 'slow_after_indexes'],
  ['Slow after new indexes', 'slow_after_indexes'],
  ['my index is not being used', 'slow_after_indexes'],
  ['ERROR:  canceling statement due to statement timeout', 'statement_timeout'],
  ['ERROR:  canceling statement due to conflict with recovery', 'recovery_conflict'],
  ['ERROR:  could not extend file "base/16384/2619": No space left on device', 'disk_full'],
  ['ERROR:  cannot execute INSERT in a read-only transaction', 'disk_full'],
  [
    'ERROR:  database is not accepting commands to avoid wraparound data loss in database "app"',
    'wraparound',
  ],
  [
    'ERROR:  out of shared memory HINT: You might need to increase max_locks_per_transaction.',
    'out_of_locks',
  ],
  ['ERROR:  nextval: reached maximum value of sequence "bookings_id_seq" (2147483647)', 'sequence_exhausted'],
  ['ERROR:  integer out of range', 'sequence_exhausted'],
  ['ERROR:  duplicate key value violates unique constraint "cities_pkey"', 'unique_violation'],
  [
    'ERROR:  insert or update on table "reviews" violates foreign key constraint "reviews_booking_id_fkey"',
    'foreign_key_violation',
  ],
  ['ERROR:  new row violates row-level security policy for table "bookings"', 'row_security_violation'],
  ['ERROR:  permission denied for table bookings', 'permission_denied'],
  ['ERROR:  infinite recursion detected in policy for relation "bookings"', 'policy_recursion'],
  ['ERROR:  relation "Bookings" does not exist', 'no_such_relation'],
]

test.each(texts)('%s', (text, id) => {
  expect(recognise(text)?.id).toBe(id)
})

test('what was never seen is not taken for something else', () => {
  expect(recognise('TypeError: Cannot read properties of undefined')).toBeUndefined()
  expect(recognise('')).toBeUndefined()
})

test('each symptom has a text here', () => {
  expect(symptoms.map(({ id }) => id).filter((id) => !texts.some(([, known]) => known === id))).toEqual([])
})

describe('on a database', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
    owner = await database.connect(database.ownerUrl)
  })
  afterAll(() => database.drop())

  test('each symptom is looked at as an owner who is no superuser, and answered with something to do', async () => {
    for (const [text, id] of texts) {
      const symptom = recognise(text)
      if (!symptom) throw new Error(`${id} is not recognised`)
      const answer = await explainSymptom(owner, symptom, text)
      expect(answer.here.length, id).toBeGreaterThan(0)
      expect(answer.commands.length, id).toBeGreaterThan(0)
    }
  })

  test('a sequence behind its column is found, and the answer mends it', async () => {
    await owner.query(
      `CREATE TABLE public."Restored" (id serial PRIMARY KEY); INSERT INTO public."Restored" VALUES (1), (2), (3)`,
    )
    const error = await owner
      .query('INSERT INTO public."Restored" DEFAULT VALUES')
      .catch((failure: Error) => failure)
    const text = (error as Error).message
    const symptom = recognise(text)
    if (!symptom) throw new Error('not recognised')
    const { here, commands } = await explainSymptom(owner, symptom, text)
    expect(here[0]).toContain('behind')
    await owner.query(commands[0] ?? '')
    await owner.query('INSERT INTO public."Restored" DEFAULT VALUES')
    await owner.query('DROP TABLE public."Restored"')
  })

  test('stale statistics after new indexes: the answer makes the index useful', async () => {
    await owner.query('CREATE TABLE public.visits (id int, city int)')
    await owner.query('INSERT INTO public.visits SELECT id, id % 5000 FROM generate_series(1, 50000) id')
    await owner.query('CREATE INDEX visits_city_idx ON public.visits (city)')
    const estimatedRows = async () => {
      const { rows } = await owner.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
        'EXPLAIN (FORMAT JSON) SELECT * FROM public.visits WHERE city = 1',
      )
      return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0
    }
    expect(await estimatedRows()).toBeGreaterThan(50)
    const symptom = recognise('Slow queries after adding indexes')
    if (!symptom) throw new Error('not recognised')
    const look = async () => explainSymptom(owner, symptom, '')
    // A session hands over what it has counted about once a second.
    await expect
      .poll(async () => (await look()).here, { timeout: 10_000 })
      .toContain('The statistics of public.visits are stale.')
    const { commands } = await look()
    expect(commands).toContain('ANALYZE "public"."visits";')
    await owner.query(commands.find((command) => command.includes('visits')) ?? '')
    expect((await explainSymptom(owner, symptom, '')).here).not.toContain(
      'The statistics of public.visits are stale.',
    )
    // The planner now knows that a city is one row of 5,000.
    expect(await estimatedRows()).toBeLessThan(50)
  })

  test('a VACUUM FULL that waits is seen with whom it waits for, and the answer ends it', async () => {
    const reader = await database.connect(database.ownerUrl)
    await reader.query('BEGIN; SELECT count(*) FROM public.cities')
    const vacuum = await database.connect(database.ownerUrl)
    const waiting = vacuum.query('VACUUM FULL public.cities').catch((error: Error) => error.message)
    const symptom = recognise('VACUUM FULL takes too long')
    if (!symptom) throw new Error('not recognised')
    const look = async () => explainSymptom(owner, symptom, '')
    await expect
      .poll(async () => (await look()).here[0])
      .toMatch(/waiting for its lock.* It waits for session \d+\./)
    const { commands } = await look()
    const later = await database.connect(database.ownerUrl)
    const behind = later.query('SELECT count(*) FROM public.cities')
    await expect.poll(async () => (await look()).here[0]).toContain('1 sessions wait for it')
    await owner.query(commands[0] ?? '')
    expect(await waiting).toContain('canceling statement due to user request')
    expect((await behind).rowCount).toBe(1)
    expect(await look()).toMatchObject({ notSeen: true })
    await reader.query('ROLLBACK')
  })
})
