import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missingPgStatStatements } from '../../../src/rules/server/missingPgStatStatements.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, subjectsOf } from '../look.ts'

describe('missing_pg_stat_statements', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  it('finds that nobody counts statements, and drafts the extension', async () => {
    expect(await subjectsOf(superuser, missingPgStatStatements)).toEqual(['pg_stat_statements'])
    await superuser.query(`CREATE SCHEMA extensions`)
    const operation = await operationAbout(superuser, missingPgStatStatements, 'pg_stat_statements')
    expect(operation.up).toEqual([`CREATE EXTENSION "pg_stat_statements" SCHEMA "extensions"`])
    await expectReversible(superuser, operation)
  })

  it('finds nothing where it is installed and loaded', async () => {
    expect(await subjectsOf(superuser, missingPgStatStatements)).toEqual([])
  })
})
