import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { invalidIndex } from '../../../src/rules/indexes/invalidIndex.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, subjectsOf } from '../look.ts'

describe('invalid_index', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 1), (1, 2), (1, 3)`)
    await owner.query(`CREATE INDEX t_valid ON t (b)`)
    await expect(owner.query(`CREATE UNIQUE INDEX CONCURRENTLY t_a_idx ON t (a)`)).rejects.toThrow()
    await expect(owner.query(`CREATE INDEX CONCURRENTLY t_twin ON t ((1 / (b - 1)))`)).rejects.toThrow()
    await owner.query(`DELETE FROM t WHERE b = 1`)
    await owner.query(`VACUUM t`)
    await owner.query(`CREATE INDEX t_twin_valid ON t ((1 / (b - 1)))`)
  })
  afterAll(() => database.drop())

  it('finds what a failed build left behind', async () => {
    expect(await subjectsOf(owner, invalidIndex)).toEqual(['public.t_a_idx', 'public.t_twin'])
  })

  it('says to drop a duplicate, and to build the other again', async () => {
    const twin = await findingAbout(owner, invalidIndex, 'public', 't_twin')
    expect(twin.remedy.title).toBe('Drop t_twin')
    const unique = await findingAbout(owner, invalidIndex, 'public', 't_a_idx')
    expect(unique.remedy.title).toBe('Build t_a_idx again')
  })

  it('gives steps that repair it', async () => {
    const { remedy } = await findingAbout(owner, invalidIndex, 'public', 't_a_idx')
    const steps = remedy.kind === 'runbook' ? remedy.steps : []
    await owner.query(`DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)`)
    await owner.query(steps.find((step) => step.startsWith('REINDEX')) ?? '')
    expect(await subjectsOf(owner, invalidIndex)).toEqual(['public.t_twin'])
  })

  it('leaves alone an index that is being built', async () => {
    const other = await database.connect(database.ownerUrl)
    const looker = await database.connect()
    await owner.query(`BEGIN; INSERT INTO t VALUES (5, 5)`)
    const build = other.query(`CREATE INDEX CONCURRENTLY t_slow ON t (a)`)
    try {
      await expect
        .poll(
          async () => {
            const { rowCount } = await looker.query(`SELECT FROM pg_class WHERE relname = 't_slow'`)
            return rowCount
          },
          { timeout: 20_000 },
        )
        .toBe(1)
      expect(await subjectsOf(looker, invalidIndex)).not.toContain('public.t_slow')
    } finally {
      await owner.query(`COMMIT`)
      await build
    }
  })
})
