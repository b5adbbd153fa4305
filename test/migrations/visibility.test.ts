import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { casaoraMigrations } from '../../src/bench/casaora/database.ts'
import { casaoraIdentities } from '../../src/bench/casaora/load.ts'
import type { Caller } from '../bench/casaora/asCaller.ts'
import { asCaller } from '../bench/casaora/asCaller.ts'
import { runUpWithoutProofs } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const tables = [
  'cities',
  'profiles',
  'professional_profiles',
  'availability',
  'bookings',
  'reviews',
  'payment_intents',
  'favorites',
  'conversations',
  'conversation_members',
  'messages',
  'notifications',
  'audit_events',
]

/** What each command touches; RETURNING is left out, since it would ask the policies for SELECT as well. */
const commands: Record<string, (table: string) => string> = {
  select: (table) =>
    `SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), count(*) FROM ${table} t`,
  update: (table) => `UPDATE ${table} SET ${touched[table] ?? 'created_at = created_at'}`,
  delete: (table) => `DELETE FROM ${table}`,
}
const touched: Record<string, string> = {
  cities: 'name = name',
  availability: 'weekday = weekday',
  conversation_members: 'joined_at = joined_at',
}

/**
 * What a member of one conversation tries in another one. The new row must be readable too, where the statement reads
 * any, and it is not in the table while that is asked.
 */
const intrusions = {
  'moves himself there': `
    UPDATE conversation_members SET conversation_id = $other WHERE user_id = $me AND conversation_id = $own`,
  'joins it and reads the row': `
    INSERT INTO conversation_members (conversation_id, user_id) VALUES ($other, $me) RETURNING conversation_id`,
}

const reporter = `casaora_reporter_${randomBytes(4).toString('hex')}`

describe('the rewritten policies', () => {
  let database: TestDatabase
  let client: Client

  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
    client = await database.connect()
    // Whether a row may be deleted is the question here, not whether another one points to it.
    await client.query(`
      DO $$
      DECLARE f record;
      BEGIN
        FOR f IN SELECT conrelid::regclass AS t, conname FROM pg_constraint
          WHERE contype = 'f' AND connamespace = 'public'::regnamespace
        LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', f.t, f.conname); END LOOP;
      END $$`)
    // A role that the migrations have never heard of: policies for everybody are asked for it too.
    await client.query(`
      CREATE ROLE ${reporter};
      GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${reporter}`)
  })
  afterAll(async () => {
    await client.query(`DROP OWNED BY ${reporter}; DROP ROLE ${reporter}`)
    await database.drop()
  })

  const callers = async (): Promise<Caller[]> => {
    const { rows } = await client.query<{ id: string }>(`
      (SELECT id FROM profiles WHERE role = 'customer' ORDER BY id LIMIT 3)
      UNION ALL (SELECT id FROM profiles WHERE role = 'professional' ORDER BY id LIMIT 3)`)
    const known = [...Object.values(casaoraIdentities), ...rows.map(({ id }) => id)]
    const nobody = '00000000-0000-0000-0000-000000000000'
    return [
      { role: 'anon' },
      { role: 'anon', claims: { sub: casaoraIdentities.admin } },
      { role: 'authenticated' },
      ...[...known, nobody].map((sub) => ({ role: 'authenticated', claims: { sub } })),
      { role: 'service_role' },
      { role: reporter },
      { role: reporter, claims: { sub: casaoraIdentities.admin } },
    ]
  }

  const everything = async (): Promise<Record<string, unknown>> => {
    const found: Record<string, unknown> = {}
    for (const caller of await callers()) {
      for (const table of tables) {
        for (const [command, statement] of Object.entries(commands)) {
          const outcome = await asCaller(client, caller, statement(table)).then(
            ({ rowCount, rows }) => ({ rowCount, rows }),
            (error: Error) => error.message,
          )
          found[`${command} ${table} as ${caller.role} ${JSON.stringify(caller.claims ?? {})}`] = outcome
        }
      }
    }
    return found
  }

  /** What becomes of each attempt on a conversation that the customer is no member of. */
  const attempts = async (): Promise<Record<string, string>> => {
    const me = casaoraIdentities.customer
    const { rows } = await client.query<{ own: string; other: string }>(
      `SELECT (SELECT conversation_id FROM conversation_members WHERE user_id = $1 LIMIT 1) AS own,
         (SELECT id FROM conversations c WHERE created_by <> $1 AND NOT EXISTS (
           SELECT FROM conversation_members m WHERE m.conversation_id = c.id AND m.user_id = $1) LIMIT 1) AS other`,
      [me],
    )
    const values: Record<string, string> = { me, ...rows[0] }
    const found: Record<string, string> = {}
    for (const [what, statement] of Object.entries(intrusions)) {
      const sql = statement.replace(/\$(\w+)/g, (_, name: string) => `'${values[name]}'`)
      found[what] = await asCaller(client, { role: 'authenticated', claims: { sub: me } }, sql).then(
        ({ rowCount }) => `${rowCount} rows`,
        (error: Error) => error.message,
      )
    }
    return found
  }

  it(
    'let everybody read, change and delete the same rows as the policies before',
    { timeout: 300_000 },
    async () => {
      const before = await everything()
      const refused = 'new row violates row-level security policy for table "conversation_members"'
      const intrusionsBefore = await attempts()
      expect(intrusionsBefore).toEqual({
        'moves himself there': refused,
        'joins it and reads the row': refused,
      })
      const owner = await database.connect(database.ownerUrl)
      // What the proofs on rows would show is what is compared here.
      expect((await runUpWithoutProofs(owner, casaoraMigrations)).failure).toBeUndefined()
      expect(await everything()).toEqual(before)
      expect(await attempts()).toEqual(intrusionsBefore)
    },
  )
})
