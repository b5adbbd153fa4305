import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readOnce } from '../../../src/catalog/reader.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { readParsedPolicies } from '../../../src/policies/rewrite/parsedPolicies.ts'
import { policiesToNarrow } from '../../../src/policies/rewrite/signedInOnly.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

describe('policiesToNarrow', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE SCHEMA auth;
      CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT NULL::uuid';
      CREATE TABLE notes (id int PRIMARY KEY, owner uuid, editor uuid, open boolean);
      ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
      CREATE POLICY bare ON notes USING (owner = auth.uid());
      CREATE POLICY wrapped ON notes FOR SELECT USING ((SELECT auth.uid()) = owner OR (editor = (SELECT auth.uid()) AND open));
      CREATE POLICY checked ON notes FOR INSERT WITH CHECK (owner = auth.uid());
      CREATE POLICY good_open ON notes FOR SELECT USING (open OR owner = auth.uid());
      CREATE POLICY good_null ON notes FOR SELECT USING (owner = coalesce(auth.uid(), owner));
      CREATE POLICY good_not ON notes FOR SELECT USING (owner IS DISTINCT FROM auth.uid());
      CREATE POLICY good_role ON notes FOR SELECT TO authenticated USING (owner = auth.uid());
      CREATE POLICY good_check ON notes FOR UPDATE USING (owner = auth.uid()) WITH CHECK (open);
      CREATE POLICY good_kind ON notes AS RESTRICTIVE USING (owner = auth.uid())`)
  })
  afterAll(() => database.drop())

  it('returns exactly the policies TO PUBLIC that no visitor passes', async () => {
    const policies = await readOnly(owner, () => readOnce(borrow(owner))(readParsedPolicies))
    expect(policiesToNarrow(policies).map(({ name }) => name)).toEqual(['bare', 'checked', 'wrapped'])
  })
})
