import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authUsersExposed } from '../../../src/rules/policies/authUsersExposed.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('auth_users_exposed', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    const superuser = await database.connect()
    await superuser.query(`CREATE SCHEMA IF NOT EXISTS auth; CREATE TABLE IF NOT EXISTS auth.users (id uuid PRIMARY KEY, email text);
      GRANT USAGE ON SCHEMA auth TO casaora_owner; GRANT SELECT ON auth.users TO casaora_owner`)
    await superuser.end()
    await owner.query(`CREATE VIEW public.bad AS SELECT email FROM auth.users; CREATE VIEW public.bad_above AS SELECT * FROM public.bad;
      CREATE MATERIALIZED VIEW public.bad_kept AS SELECT email FROM auth.users;
      CREATE VIEW public.good_closed AS SELECT email FROM auth.users;
      CREATE VIEW public.good_invoker WITH (security_invoker = true) AS SELECT email FROM auth.users;
      CREATE VIEW public.good_other AS SELECT 1 AS email;
      GRANT SELECT ON public.bad, public.bad_above, public.bad_kept, public.good_invoker, public.good_other TO anon`)
  })
  afterAll(() => database.drop())

  const found = async (): Promise<string[]> =>
    (await findWith(owner, authUsersExposed, ['public']))
      .map(({ level, subject }) => `${level} ${subject.slice(1).join(' ')}`.trim())
      .sort()

  it('finds views that show rows of auth.users, also through other views', async () => {
    expect(await found()).toEqual(['error bad', 'error bad_above', 'error bad_kept'])
  })
})
