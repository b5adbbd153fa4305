import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memberOfKeys, returnedKeys } from '../../../src/policies/rewrite/setOfKeys.ts'
import { call, columnReference } from '../../../src/syntax/build.ts'
import { parseTypeName, printExpression } from '../../../src/syntax/expression.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase()
  client = await database.connect()
  await client.query(`
    CREATE TABLE public.docs (org_id uuid);
    CREATE FUNCTION public.org_ids() RETURNS uuid[] LANGUAGE plpgsql STABLE AS
      $$ BEGIN RAISE 'called'; END $$;
  `)
})
afterAll(() => database.drop())

test.each([
  ['= ANY', true],
  ['IN', false],
])('the planner does not call the function that returns the keys, in %s', async (_, willLead) => {
  const keys = returnedKeys(call(['public', 'org_ids']), await parseTypeName('uuid'))
  const { node } = memberOfKeys(columnReference('org_id'), keys, {
    table: { name: 'docs', indexes: [] },
    willLead: () => willLead,
  })
  const query = `SELECT FROM public.docs WHERE ${printExpression(node)}`
  await expect(client.query(`EXPLAIN ${query}`)).resolves.toBeDefined()
  await client.query('INSERT INTO public.docs VALUES (gen_random_uuid())')
  await expect(client.query(query)).rejects.toThrow('called')
})
