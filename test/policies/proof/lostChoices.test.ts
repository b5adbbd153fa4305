import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lostChoices } from '../../../src/policies/proof/lostChoices.ts'
import { proveEquivalence } from '../../../src/policies/proof/prove.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { parseExpression } from '../../../src/syntax/expression.ts'
import { splitStatements } from '../../../src/syntax/statements.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
let client: Client

/** Nobody is in two teams, so that no row tells the first team from any. */
const schema = `
  CREATE SCHEMA auth;
  CREATE SCHEMA private;
  GRANT USAGE ON SCHEMA auth, private TO authenticated;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  CREATE TABLE members (team int, user_id uuid, level int);
  CREATE TABLE documents (id int PRIMARY KEY, team int, title text);
  ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
  GRANT SELECT ON documents, members TO authenticated;
  INSERT INTO members SELECT n, md5(n::text)::uuid, n % 3 FROM generate_series(1, 6) n;
  INSERT INTO documents SELECT n, n % 7, 'about ' || n FROM generate_series(1, 20) n;
  CREATE FUNCTION first_team() RETURNS int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT m.team FROM public.members m WHERE m.user_id = auth.uid() ORDER BY m.level LIMIT 1 $$;
  CREATE FUNCTION private.teams() RETURNS int[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT array_agg(m.team) FROM public.members m WHERE m.user_id = auth.uid() $$`

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  client = await database.connect()
  await client.query(schema)
})
afterAll(() => database.drop())

async function prove(old: string, using: string) {
  await client.query(`DROP POLICY IF EXISTS mine ON documents`)
  await client.query(`CREATE POLICY mine ON documents FOR SELECT TO authenticated USING (${old})`)
  return readOnly(client, () =>
    proveEquivalence(borrow(client), { schema: 'public', name: 'documents' }, [
      { policy: 'mine', using, check: null },
    ]),
  )
}

const firstTeam = `team IN (SELECT m.team FROM members m WHERE m.user_id = auth.uid() ORDER BY m.level LIMIT 1)`

test.each([
  ['a query', firstTeam, 'team IN (SELECT m.team FROM public.members m WHERE m.user_id = auth.uid())'],
  ['the body of a function', 'team = first_team()', 'team = ANY ((SELECT private.teams())::int[])'],
])('%s that loses its LIMIT is not proven by rows of people with one team each', async (_, old, using) => {
  const { outcome, reasons } = await prove(old, using)
  expect({ outcome, reasons }).toEqual({
    outcome: 'not shown',
    reasons: [
      'a LIMIT that chooses among rows is no longer there, and rows cannot show that it never matters; leave the query as it is',
    ],
  })
})

test('a query that keeps its LIMIT is proven', async () => {
  const { outcome, reasons } = await prove(
    firstTeam,
    `team = ANY (ARRAY(SELECT m.team FROM public.members m WHERE m.user_id = auth.uid() ORDER BY m.level LIMIT 1))`,
  )
  expect({ outcome, reasons }).toEqual({ outcome: 'equivalent', reasons: [] })
})

const from = 'FROM members m WHERE m.team = team'
test.each([
  [`EXISTS (SELECT ${from} LIMIT 1)`, []],
  [`EXISTS (SELECT ${from} GROUP BY m.level)`, []],
  [`EXISTS (SELECT ${from} LIMIT 0)`, ['LIMIT']],
  [`EXISTS (SELECT ${from} LIMIT 1 OFFSET 1)`, ['LIMIT', 'OFFSET']],
  [`EXISTS (SELECT ${from} GROUP BY m.level HAVING count(*) > 1)`, ['GROUP BY', 'HAVING']],
  [`id IN (SELECT DISTINCT m.level ${from})`, []],
  [`id IN (SELECT DISTINCT ON (m.team) m.level ${from} ORDER BY m.team, m.level)`, ['DISTINCT ON']],
  ['is_second(team)', ['OFFSET']],
])('%s chooses by %j', async (old, lost) => {
  const [body] = await splitStatements(`SELECT EXISTS (SELECT ${from} OFFSET 1)`)
  const functions = [{ schema: 'public', name: 'is_second', body: body ? [body.node] : [] }]
  const [before, after] = [await parseExpression(old), await parseExpression('team = ANY ($1)')]
  expect(lostChoices(before, after, functions)).toEqual(lost)
  expect(lostChoices(before, before, functions)).toEqual([])
})
