import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tableBloat } from '../../../src/rules/tables/tableBloat.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, look, settleCounters, subjectsOf } from '../look.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  for (const name of ['bad "table"', 'good', 'stale']) {
    const table = `"${name.replaceAll('"', '""')}"`
    await owner.query(
      `CREATE TABLE ${table} (id bigint PRIMARY KEY, body text) WITH (autovacuum_enabled = false)`,
    )
    await owner.query(`INSERT INTO ${table} SELECT n, repeat('x', 40) FROM generate_series(1, 600000) n`)
  }
  await owner.query(`DELETE FROM "bad ""table""" WHERE id % 10 < 7`)
  await settleCounters(owner)
  await owner.query(`VACUUM (ANALYZE) "bad ""table"""`)
  await owner.query(`VACUUM (ANALYZE) good`)
  await owner.query(`VACUUM (ANALYZE) stale`)
  await owner.query(`DELETE FROM stale WHERE id % 10 < 7`)
  await settleCounters(owner)
})
afterAll(() => database.drop())

describe('table_bloat', () => {
  it('finds the table that is mostly empty, and says nothing on stale statistics', async () => {
    expect(await subjectsOf(owner, tableBloat)).toEqual(['public."bad ""table"""'])
  })

  it('names lock and disk, and steps that give the space back', async () => {
    const { remedy, level } = await findingAbout(owner, tableBloat, 'public', 'bad "table"')
    expect(level).toBe('warn')
    const steps = remedy.kind === 'runbook' ? remedy.steps.join('\n') : ''
    expect(steps).toContain('ACCESS EXCLUSIVE')
    expect(steps).toMatch(/Have \d+ MB of disk space free/)
    expect(steps).toContain(`pg_repack --dbname=DATABASE --table='"public"."bad ""table"""'`)
    expect(steps).toContain('VACUUM (FULL, ANALYZE) "public"."bad ""table"""')
  })

  it('tells a role without privileges what it cannot see', async () => {
    const superuser = await database.connect()
    await superuser.query('SET ROLE pg_monitor')
    const { findings, skipped } = await look(superuser, tableBloat)
    expect(findings).toEqual([])
    expect(skipped).toContain('does not see the statistics')
    await superuser.query('RESET ROLE')
  })
})
