import type { ClientBase } from 'pg'
import { announceChanges } from '../../operations/announceChanges.ts'
import { createCacheOutbox } from '../../operations/createCacheOutbox.ts'
import { parseTagTemplate } from '../../operations/tagTemplate.ts'
import { qualified } from '../../postgres/identifiers.ts'
import { median } from '../../median.ts'

/** What one write of a row costs with its commit, in milliseconds, while the table's triggers are off and on. */
export interface TriggerCost {
  before: number
  after: number
}

/** One write of one row to a table, which is told apart from the writes before it by its number. */
interface Write {
  table: string
  write(number: number): Promise<unknown>
}

const turns = ['before', 'after'] as const
const warmUps = 3

/**
 * The writes of the marketplace whose readers are cached, as PostgREST sends them: a transaction as the signed-in user, in
 * four round trips. A customer reviews a booking; a professional changes a price.
 *
 * @param client a superuser's, of a database with Casaora
 */
export async function measureRequests(
  client: ClientBase,
  { rounds, perRound }: { rounds: number; perRound: number },
): Promise<{ review: TriggerCost; listing: TriggerCost }> {
  const writes = rounds * turns.length * (perRound + warmUps)
  const { rows: bookings } = await client.query<{ booking: string; customer: string; professional: string }>(
    `SELECT id AS booking, customer_id AS customer, professional_id AS professional FROM bookings b
     WHERE status = 'completed' AND NOT EXISTS (SELECT FROM reviews WHERE booking_id = b.id) ORDER BY id LIMIT $1`,
    [writes],
  )
  const { rows: listings } = await client.query<{ professional: string }>(
    'SELECT profile_id AS professional FROM professional_profiles ORDER BY profile_id LIMIT 1000',
  )
  await announce(client, 'reviews', ['professional:{professional_id}', 'reviews'])
  await announce(client, 'professional_profiles', [
    'professional:{profile_id}',
    'city:{city_id}',
    'professionals',
  ])
  const request = async (user: string, name: string, text: string, values: unknown[]) => {
    await client.query('BEGIN')
    await client.query({
      name: 'request',
      text: `SELECT set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)`,
      values: [JSON.stringify({ sub: user, role: 'authenticated' })],
    })
    await client.query({ name, text, values })
    await client.query('COMMIT')
  }
  const review = await measureWrite(
    client,
    { rounds, perRound },
    {
      table: 'reviews',
      async write(number) {
        const row = bookings[number]
        if (!row) throw new Error(`only ${bookings.length} bookings can be reviewed`)
        await request(
          row.customer,
          'review',
          `INSERT INTO reviews (booking_id, customer_id, professional_id, rating, comment)
         VALUES ($1, $2, $3, 5, 'On time, friendly, thorough.') RETURNING id`,
          [row.booking, row.customer, row.professional],
        )
      },
    },
  )
  const listing = await measureWrite(
    client,
    { rounds, perRound },
    {
      table: 'professional_profiles',
      async write(number) {
        const { professional = '' } = listings[number % listings.length] ?? {}
        await request(
          professional,
          'listing',
          'UPDATE professional_profiles SET hourly_rate = $2 WHERE profile_id = $1 RETURNING profile_id',
          [professional, 20 + (number % 50)],
        )
      },
    },
  )
  return { review, listing }
}

/**
 * The same on a table that has nothing but a key and an index, in single statements without a role or policies: nearly all
 * that the server does is the commit. The server's `fsync` decides how much that is.
 */
export async function measureBareWrites(
  client: ClientBase,
  { rounds, perRound }: { rounds: number; perRound: number },
): Promise<{ insert: TriggerCost; update: TriggerCost }> {
  const rows = 10_000
  await client.query(`CREATE TABLE bare (id bigint PRIMARY KEY, city_id integer, name text);
    CREATE INDEX ON bare (city_id);
    INSERT INTO bare SELECT n, n % 50, 'somebody' FROM generate_series(1, ${rows}) n`)
  await client.query('ANALYZE bare')
  await announce(client, 'bare', ['professional:{id}', 'city:{city_id}', 'professionals'])
  const insert = await measureWrite(
    client,
    { rounds, perRound },
    {
      table: 'bare',
      write: (number) =>
        client.query({
          ...{ name: 'insert', text: `INSERT INTO bare VALUES ($1, $2, 'somebody')` },
          values: [rows + 1 + number, number % 50],
        }),
    },
  )
  const update = await measureWrite(
    client,
    { rounds, perRound },
    {
      table: 'bare',
      write: (number) =>
        client.query({
          ...{ name: 'update', text: 'UPDATE bare SET name = $2 WHERE id = $1' },
          values: [1 + ((number * 101) % rows), `somebody ${number}`],
        }),
    },
  )
  return { insert, update }
}

async function announce(client: ClientBase, name: string, templates: string[]): Promise<void> {
  const { rows } = await client.query(
    `SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'hundredfold_cache'`,
  )
  const operations = [
    ...(rows.length === 0 ? [createCacheOutbox()] : []),
    announceChanges({
      ...{ table: { schema: 'public', name }, tags: templates.map(parseTagTemplate) },
      ...{ descendants: [], hasDates: false },
    }),
  ]
  for (const { up } of operations) for (const statement of up) await client.query(statement)
}

/** Writes with the triggers off and on in turn, so that what else the machine does falls on both alike. */
async function measureWrite(
  client: ClientBase,
  { rounds, perRound }: { rounds: number; perRound: number },
  { table, write }: Write,
): Promise<TriggerCost> {
  const times = { before: [] as number[], after: [] as number[] }
  const name = qualified({ schema: 'public', name: table })
  const events = ['insert', 'update', 'delete', 'truncate']
  let number = 0
  for (let round = 0; round < rounds; round += 1) {
    for (const turn of turns) {
      const verb = turn === 'before' ? 'DISABLE' : 'ENABLE'
      await client.query(
        `ALTER TABLE ${name} ${events.map((event) => `${verb} TRIGGER hundredfold_cache_${event}`).join(', ')}`,
      )
      // The first ones plan.
      for (let warmUp = 0; warmUp < warmUps; warmUp += 1) await write(number++)
      const began = performance.now()
      for (let at = 0; at < perRound; at += 1) await write(number++)
      times[turn].push((performance.now() - began) / perRound)
    }
  }
  return { before: median(times.before), after: median(times.after) }
}
