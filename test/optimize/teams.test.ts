import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { casaoraOwner } from '../../src/bench/casaora/load.ts'
import { qualified } from '../../src/postgres/identifiers.ts'
import { createAuthPlatform } from '../support/authPlatform.ts'
import { createDatabase } from '../support/database.ts'
import { fillSchema } from '../support/fillSchema.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { roundTrip } from '../support/roundTrip.ts'
import { people } from '../support/sixIdentities.ts'

const teams = ['tenants', 'marketplace', 'chat', 'courses', 'tracker', 'shop', 'analytics', 'events']

describe.each(teams)('the schema of a team like %s', (team) => {
  it('loses the findings that it has cures for, plans as before, and comes back to the letter', async () => {
    const database = await createDatabase()
    await using directory = await migrationDirectory()
    try {
      const superuser = await database.connect()
      const owner = await database.connect(database.ownerUrl)
      await createAuthPlatform(superuser)
      await owner.query(await readFile(new URL(`teams/${team}.sql`, import.meta.url), 'utf8'))
      const filled = await fillSchema(superuser, { people: [...people] })
      expect(filled.rows).toBeGreaterThan(50)
      // Changes that are counted after ANALYZE would count as made since.
      for (const session of [owner, superuser]) await session.query('SELECT pg_stat_force_next_flush()')
      await superuser.query('VACUUM ANALYZE')

      // The shop's tables are used by one role alone.
      const role = team === 'shop' ? casaoraOwner : 'authenticated'
      const planned = await tablesThatPlan(superuser, role)
      let planAfter: string[] = []
      const trip = await roundTrip(owner, directory.path, {
        level: 'info',
        whileUp: async () => {
          planAfter = await tablesThatPlan(superuser, role)
        },
      })
      expect(trip.failures).toEqual([])
      expect(trip.files.length).toBeGreaterThan(5)
      expect(trip.left).toEqual([])
      expect(trip.again).toEqual([])
      expect(planned.filter((each) => each.endsWith(': plans')).length).toBeGreaterThan(15)
      expect(planAfter).toEqual(planned)
      expect(trip.schema.afterDown).toBe(trip.schema.before)
      expect(trip.keys.afterDown).toEqual(trip.keys.before)
      // What has no migration says why.
      for (const { reason } of trip.optimized.choice.skipped) expect(reason).toMatch(/\S{3}/)
    } finally {
      await database.drop()
    }
  })
})

/** Each table and view with the commands that PostgreSQL plans on it for the role. */
async function tablesThatPlan(superuser: Client, role: string): Promise<string[]> {
  const { rows } = await superuser.query<{ schema: string; name: string; column: string }>(
    `SELECT n.nspname AS schema, c.relname AS name, min(a.attname) AS column
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attgenerated = '' AND a.attidentity = ''
     WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname !~ '^(pg_|information_schema|hundredfold|auth|private)'
     GROUP BY 1, 2 ORDER BY 1, 2`,
  )
  const plans: string[] = []
  await superuser.query(
    `BEGIN; SET LOCAL ROLE ${role}; SET LOCAL request.jwt.claims = '{"sub":"${people[0]}","role":"authenticated"}'`,
  )
  try {
    for (const { schema, name, column } of rows) {
      const table = qualified({ schema, name })
      const one = `"${column.replaceAll('"', '""')}"`
      for (const statement of [
        `SELECT * FROM ${table}`,
        `UPDATE ${table} SET ${one} = ${one}`,
        `DELETE FROM ${table}`,
      ]) {
        await superuser.query('SAVEPOINT one')
        const outcome = await superuser.query(`EXPLAIN ${statement}`).then(
          () => 'plans',
          (error: unknown) => (error as Error).message,
        )
        await superuser.query('ROLLBACK TO SAVEPOINT one')
        plans.push(`${statement}: ${outcome}`)
      }
    }
  } finally {
    await superuser.query('ROLLBACK')
  }
  return plans
}
