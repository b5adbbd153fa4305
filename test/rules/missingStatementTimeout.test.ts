import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missingStatementTimeout } from '../../src/rules/missingStatementTimeout.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { draftAbout, expectReversible, subjectsOf } from './look.ts'

describe('missing_statement_timeout', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  const roles = ['Bad App', 'bad_zero', 'good_own', 'good_here', 'good_owner', 'good_nologin'].map(
    (role) => `${role} of test`,
  )
  const ours = async (): Promise<string[]> =>
    (await subjectsOf(superuser, missingStatementTimeout)).filter((key) => key.endsWith('of test"'))

  beforeAll(async () => {
    for (const role of roles) await superuser.query(`CREATE ROLE "${role}" LOGIN`)
    await superuser.query(`
      GRANT CREATE ON SCHEMA public TO "Bad App of test";
      ALTER ROLE "bad_zero of test" SET statement_timeout = 0;
      ALTER ROLE "good_own of test" SET statement_timeout = '5s';
      ALTER ROLE "good_here of test" IN DATABASE ${database.name} SET statement_timeout = 5000;
      ALTER ROLE "good_nologin of test" NOLOGIN;
      CREATE TABLE owned (a int);
      ALTER TABLE owned OWNER TO "good_owner of test"`)
  })
  afterAll(async () => {
    await superuser.query(roles.map((role) => `DROP OWNED BY "${role}"; DROP ROLE "${role}";`).join(''))
  })

  it('finds roles whose statements nothing ends, and neither owners nor those who cannot log in', async () => {
    expect(await ours()).toEqual(['"Bad App of test"', '"bad_zero of test"'])
  })

  it('finds none where the whole database has a timeout', async () => {
    await superuser.query(`ALTER DATABASE ${database.name} SET statement_timeout = '1min'`)
    expect(await ours()).toEqual(['"bad_zero of test"'])
    await superuser.query(`ALTER DATABASE ${database.name} RESET statement_timeout`)
  })

  it('drafts a timeout, taken back exactly', async () => {
    const drafts = [
      await draftAbout(superuser, missingStatementTimeout, 'Bad App of test'),
      await draftAbout(superuser, missingStatementTimeout, 'bad_zero of test'),
    ]
    expect(drafts[1]?.down).toEqual([`ALTER ROLE "bad_zero of test" SET statement_timeout = '0'`])
    await expectReversible(superuser, ...drafts)
    expect(await ours()).toEqual([])
  })
})
