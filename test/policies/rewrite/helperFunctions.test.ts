import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Client } from 'pg'
import { findFunction } from '../../../src/catalog/functions.ts'
import { readOnce } from '../../../src/catalog/reader.ts'
import { readSurroundings } from '../../../src/policies/read/privateSchema.ts'
import { ClaimHelpers } from '../../../src/policies/rewrite/claimHelpers.ts'
import { HelperFunctions } from '../../../src/policies/rewrite/helperFunctions.ts'
import { borrow } from '../../../src/postgres/database.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE SCHEMA app;
    CREATE FUNCTION app.for_all() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT NULL::uuid';
    CREATE FUNCTION app.for_some() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT NULL::uuid';
    REVOKE ALL ON FUNCTION app.for_some() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION app.for_some() TO authenticated;`)
})
beforeEach(() => owner.query('BEGIN'))
afterAll(() => database.drop())

/** Which of three roles may call the helper that takes the function's place, once it is made. */
async function callersOfHelper(name: string): Promise<string[]> {
  const db = borrow(owner)
  const surroundings = await readSurroundings(db, readOnce(db))
  const of = await findFunction(db, { schema: 'app', name, args: '' })
  if (!of) throw new Error(`there is no function ${name}`)
  const functions = new HelperFunctions(surroundings)
  const helper = new ClaimHelpers(functions).for(of)
  for (const { up = [] } of functions.operations([helper])) {
    for (const statement of up) await owner.query(statement as string)
  }
  const { rows } = await owner.query<{ role: string }>(
    `SELECT role FROM unnest(ARRAY['anon', 'authenticated', 'service_role']) role
     WHERE has_function_privilege(role, $1, 'EXECUTE')`,
    [`private.${helper.name}()`],
  )
  await owner.query('ROLLBACK')
  return rows.map(({ role }) => role)
}

test.each([
  ['as PostgreSQL begins', ''],
  ['nothing for everybody', 'ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC'],
  ['everything for one role', 'ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO anon'],
  [
    'everything for one role, in the schema of helpers',
    'CREATE SCHEMA private; ALTER DEFAULT PRIVILEGES IN SCHEMA private GRANT EXECUTE ON FUNCTIONS TO anon',
  ],
])('a helper has the callers of its function where default privileges are: %s', async (_, privileges) => {
  await owner.query(privileges)
  expect(await callersOfHelper('for_all')).toEqual(['anon', 'authenticated', 'service_role'])
  await owner.query('BEGIN')
  await owner.query(privileges)
  expect(await callersOfHelper('for_some')).toEqual(['authenticated'])
})
