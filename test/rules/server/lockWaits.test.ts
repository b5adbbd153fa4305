import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lockWaitsLongerThan } from '../../../src/rules/server/lockWaits.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { untilSomebodyWaitsFor } from '../../support/lockWait.ts'
import { findingAbout, subjectsOf } from '../look.ts'

describe('lock_waits', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  it('finds who waits for which relation and for whom, and nothing once the lock is released', async () => {
    await superuser.query(`CREATE TABLE "Locked" (a int)`)
    const blocker = await database.connect()
    const waiter = await database.connect()
    await blocker.query(`BEGIN; LOCK TABLE "Locked"`)
    const waiting = waiter.query(`SELECT FROM "Locked"`)
    await untilSomebodyWaitsFor(superuser, '"Locked"')
    await superuser.query(`SELECT pg_sleep(0.2)`)
    expect(await subjectsOf(superuser, lockWaitsLongerThan(0.1))).toEqual(['public."Locked"'])
    const { evidence } = await findingAbout(superuser, lockWaitsLongerThan(0.1), 'public', 'Locked')
    const { rows } = await blocker.query<{ pid: number }>(`SELECT pg_backend_pid() AS pid`)
    expect(evidence).toContainEqual(
      expect.objectContaining({ name: 'process ids that block', value: `${rows[0]?.pid}` }),
    )
    await blocker.query(`COMMIT`)
    await waiting
    expect(await subjectsOf(superuser, lockWaitsLongerThan(0.1))).toEqual([])
  })
})
