import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rlsNotForced } from '../../../src/rules/policies/rlsNotForced.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('rls_not_forced', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    const superuser = await database.connect()
    await superuser.query(`CREATE ROLE rls_not_forced_owner; CREATE ROLE rls_not_forced_app;
      CREATE SCHEMA tenants AUTHORIZATION rls_not_forced_owner; GRANT USAGE ON SCHEMA tenants TO rls_not_forced_app, casaora_owner; SET ROLE rls_not_forced_owner;
      CREATE TABLE tenants.bad (id int); CREATE TABLE tenants.good_forced (id int); CREATE TABLE tenants.good_granted (id int);
      CREATE TABLE tenants.good_named (id int); CREATE TABLE tenants.good_off (id int);
      ALTER TABLE tenants.bad ENABLE ROW LEVEL SECURITY; ALTER TABLE tenants.good_forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      ALTER TABLE tenants.good_granted ENABLE ROW LEVEL SECURITY; ALTER TABLE tenants.good_named ENABLE ROW LEVEL SECURITY;
      GRANT SELECT ON tenants.good_granted TO rls_not_forced_app;
      CREATE POLICY p ON tenants.bad USING (id = 1); CREATE POLICY p ON tenants.good_forced USING (id = 1);
      CREATE POLICY p ON tenants.good_granted USING (id = 1); CREATE POLICY p ON tenants.good_off USING (id = 1);
      CREATE POLICY p ON tenants.good_named TO rls_not_forced_app USING (id = 1)`)
    await superuser.end()
  })
  afterAll(() => database.drop())

  const found = async (): Promise<string[]> =>
    (await findWith(owner, rlsNotForced, ['tenants']))
      .map(({ level, subject }) => `${level} ${subject.slice(1).join(' ')}`.trim())
      .sort()

  it('finds tables that only their owner can reach, to whom the policies do not apply', async () => {
    expect(await found()).toEqual(['warn bad'])
  })
})
