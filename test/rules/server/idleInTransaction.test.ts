import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  idleInTransaction,
  idleInTransactionLongerThan,
} from '../../../src/rules/server/idleInTransaction.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { look, subjectsOf } from '../look.ts'

describe('idle_in_transaction', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  it('finds sessions that do nothing in an open transaction, and no idle ones', async () => {
    const idle = await database.connect()
    const good = await database.connect()
    await idle.query(`SET application_name = 'it''s idle'; BEGIN`)
    await idle.query(`SELECT 1`)
    await good.query(`SELECT 1`)
    await superuser.query(`SELECT pg_sleep(0.2)`)
    expect(await subjectsOf(superuser, idleInTransactionLongerThan(0.1))).toEqual([`postgres."it's idle"`])
    expect(await subjectsOf(superuser, idleInTransaction)).toEqual([])
    await idle.query(`COMMIT`)
    expect(await subjectsOf(superuser, idleInTransactionLongerThan(0.1))).toEqual([])
  })

  it('says so where sessions of other roles are hidden', async () => {
    const owner = await database.connect(database.ownerUrl)
    expect((await look(owner, idleInTransaction)).skipped).toMatch(/sessions of other roles .* hidden/)
  })
})
