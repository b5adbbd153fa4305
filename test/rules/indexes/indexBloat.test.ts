import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { indexBloat } from '../../../src/rules/indexes/indexBloat.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, settleCounters, subjectsOf } from '../look.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  for (const name of ['bad "table"', 'good']) {
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
})
afterAll(() => database.drop())

describe('index_bloat', () => {
  it('finds the tree that is mostly empty', async () => {
    expect(await subjectsOf(owner, indexBloat)).toEqual(['public."bad ""table""_pkey"'])
  })

  it('gives a step that fixes it', async () => {
    const { remedy } = await findingAbout(owner, indexBloat, 'public', 'bad "table"_pkey')
    const statement =
      remedy.kind === 'runbook' ? /REINDEX INDEX CONCURRENTLY [^;]+/.exec(remedy.steps[2] ?? '')?.[0] : ''
    await owner.query(statement ?? '')
    await owner.query('VACUUM (ANALYZE) "bad ""table"""')
    expect(await subjectsOf(owner, indexBloat)).toEqual([])
  })
})
