import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tempFiles } from '../../../src/rules/server/tempFiles.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { subjectsOf, settleCounters } from '../look.ts'

describe('temp_files', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  it('finds nothing where sorts fit in memory, and a database whose sorts do not', async () => {
    const sort = `
      SELECT count(*) FROM (
        SELECT repeat(i::text, 200) FROM generate_series(1, 8000) i ORDER BY 1 OFFSET 0) sorted`
    await superuser.query(`SET work_mem = '64MB'`)
    await superuser.query(sort)
    await settleCounters(superuser)
    expect(await subjectsOf(superuser, tempFiles)).toEqual([])
    await superuser.query(`SET work_mem = '64kB'`)
    for (let count = 0; count < 12; count += 1) await superuser.query(sort)
    await settleCounters(superuser)
    expect(await subjectsOf(superuser, tempFiles)).toEqual([database.name])
  })
})
