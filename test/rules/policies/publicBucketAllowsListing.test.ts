import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { publicBucketAllowsListing } from '../../../src/rules/policies/publicBucketAllowsListing.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('public_bucket_allows_listing', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    const superuser = await database.connect()
    await superuser.query(
      `DROP SCHEMA IF EXISTS storage CASCADE; CREATE SCHEMA storage AUTHORIZATION casaora_owner`,
    )
    await superuser.end()
    await owner.query(`CREATE TABLE storage.buckets (id text PRIMARY KEY, public boolean);
      INSERT INTO storage.buckets VALUES ('open', true), ('closed', false);
      CREATE TABLE storage.objects (id int PRIMARY KEY, bucket_id text, owner_id text); ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
      CREATE POLICY bad ON storage.objects FOR SELECT USING (bucket_id = 'open');
      CREATE POLICY bad_all ON storage.objects TO anon USING (true);
      CREATE POLICY good_closed ON storage.objects FOR SELECT USING (bucket_id = 'closed');
      CREATE POLICY good_own ON storage.objects FOR SELECT USING (bucket_id = 'open' AND owner_id = 'me');
      CREATE POLICY good_insert ON storage.objects FOR INSERT WITH CHECK (bucket_id = 'open');
      CREATE POLICY good_role ON storage.objects FOR SELECT TO service_role USING (bucket_id = 'open')`)
  })
  afterAll(() => database.drop())

  const found = async (): Promise<string[]> =>
    (await findWith(owner, publicBucketAllowsListing, ['public']))
      .map(({ level, subject }) => `${level} ${subject.slice(2).join(' ')}`.trim())
      .sort()

  it('finds policies that let clients list all of a public bucket', async () => {
    expect(await found()).toEqual(['warn bad', 'warn bad_all'])
  })

  it('says that it could not look where the role may not read the buckets', async () => {
    await owner.query('REVOKE SELECT ON storage.buckets FROM casaora_owner')
    await expect(found()).rejects.toThrow('may not read storage.buckets')
    await owner.query('GRANT SELECT ON storage.buckets TO casaora_owner')
  })
})
