import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { longTransaction, transactionLongerThan } from '../../../src/rules/server/longTransaction.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { look, subjectsOf } from '../look.ts'

describe('long_transaction', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  it('finds transactions that have run for long, and no others', async () => {
    const long = await database.connect()
    await database.connect()
    await long.query(`SET application_name = 'report'; BEGIN`)
    await long.query(`SELECT 1`)
    await superuser.query(`SELECT pg_sleep(0.2)`)
    expect(await subjectsOf(superuser, transactionLongerThan(0.1))).toEqual(['postgres.report'])
    expect(await subjectsOf(superuser, longTransaction)).toEqual([])
    await long.query(`COMMIT`)
    expect(await subjectsOf(superuser, transactionLongerThan(0.1))).toEqual([])
  })

  it('says so where sessions of other roles are hidden', async () => {
    const owner = await database.connect(database.ownerUrl)
    expect((await look(owner, longTransaction)).skipped).toMatch(/sessions of other roles .* hidden/)
  })
})
