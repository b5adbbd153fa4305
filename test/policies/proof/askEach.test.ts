import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askAll, askEach, askPatiently, isTimeout } from '../../../src/policies/proof/actingAs.ts'
import { startClock } from '../../../src/policies/proof/clock.ts'
import { evaluate, evaluateForAll } from '../../../src/policies/proof/evaluate.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { underOneSavepoint } from '../../../src/postgres/savepoint.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  client = await database.connect()
  await client.query(`
    CREATE TABLE notes (id int, body text);
    GRANT SELECT ON notes TO anon;
    CREATE SCHEMA hostile;
    CREATE FUNCTION hostile.array_append(text[], text) RETURNS text[] LANGUAGE sql AS $$ SELECT '{hostile}'::text[] $$;
    CREATE FUNCTION hostile.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS $$ SELECT 'hostile' $$;
    GRANT USAGE ON SCHEMA hostile TO anon`)
  await client.query('BEGIN READ ONLY')
})
afterAll(() => database.drop())

const anon = { role: 'anon', settings: { 'app.tenant': `7' OR "x` }, label: 'anon' }
const nobody = { role: 'no such role', settings: {}, label: 'nobody' }

/** Within one savepoint, as a proof asks. */
function asking<T>(
  ask: (look: Parameters<typeof askEach>[0]) => Promise<T>,
  searchPath = 'public',
): Promise<T> {
  const db = borrow(client)
  return underOneSavepoint(db, (under) => ask({ db, under, searchPath, clock: startClock(20_000) }))
}

test('queries are asked as the identity, with its settings', async () => {
  const queries = ['SELECT current_user', `SELECT current_setting('app.tenant')`]
  const answers = [{ text: 'anon' }, { text: anon.settings['app.tenant'] }]
  expect(await asking((look) => askEach(look, anon, queries))).toEqual(answers)
  for (const [at, query] of queries.entries())
    expect(await asking((look) => askEach(look, anon, [query]))).toEqual([answers[at]])
})

test('several ask in one request, each with its own role and settings', async () => {
  const other = { ...anon, role: 'authenticated', settings: { 'app.other': '1', search_path: 'hostile' } }
  const query = `SELECT concat_ws(' ', current_user, nullif(current_setting('app.tenant', true), ''),
    nullif(current_setting('app.other', true), ''), current_setting('search_path'))`
  const asked = [anon, nobody, other, anon].map((identity) => ({ identity, query }))
  const own = { text: `anon ${anon.settings['app.tenant']} public` }
  expect(await asking((look) => askAll(look, asked))).toEqual([
    own,
    { code: '22023' },
    { text: 'authenticated 1 public' },
    own,
  ])
})

test('a query that takes too long takes no time of the others', async () => {
  const queries = [`SELECT '1'`, 'SELECT pg_sleep(30)', `SELECT '2'`]
  const asked = queries.map((query) => ({ identity: anon, query }))
  const answers = await asking((look) => askPatiently(look, asked, () => 300))
  expect(answers).toEqual([{ text: '1' }, undefined, { text: '2' }])
})

test('neither a setting nor an error of one query affects the next, and nothing is left of either', async () => {
  const answers = await asking((look) =>
    askEach(look, anon, [
      `SELECT set_config('app.tenant', 'another', true)`,
      'SELECT 1 / 0',
      'SELECT nothing',
      'DELETE FROM notes',
      'SELECT NULL::text',
      `SELECT current_setting('app.tenant')`,
    ]),
  )
  const given = { text: anon.settings['app.tenant'] }
  const codes = ['22012', '42703', '25006'].map((code) => ({ code }))
  expect(answers).toEqual([{ text: 'another' }, ...codes, { text: null }, given])
  const { rows } = await client.query(
    `SELECT current_user <> 'anon' AS back, current_setting('app.tenant', true) AS t`,
  )
  expect(rows).toEqual([{ back: true, t: '' }])
})

test('functions of the same name on the search_path are not called', async () => {
  const ask = [`SELECT '1'`, `SELECT '2'`]
  expect(await asking((look) => askEach(look, anon, ask), 'hostile, pg_catalog')).toEqual([
    { text: '1' },
    { text: '2' },
  ])
})

test('as a role that the session may not act as, every query ends with the same error', async () => {
  const answers = await asking((look) => askEach(look, nobody, ['SELECT 1', 'SELECT 2']))
  expect(answers).toEqual([{ code: '22023' }, { code: '22023' }])
})

test('a query that takes too long ends all of them, and the transaction goes on', async () => {
  const ended = asking((look) => askEach(look, anon, ['SELECT 1', 'SELECT pg_sleep(30)'], 100))
  expect(isTimeout(await ended.catch((error: unknown) => error))).toBe(true)
  expect(await asking((look) => askEach(look, anon, [`SELECT '1'`]))).toEqual([{ text: '1' }])
})

test('several ask predicates about the same rows', async () => {
  const predicates = ['id > 1', `current_user = 'anon'`, '6 / (id - 2) > 0']
  const askings = [anon, nobody, { ...anon, role: 'authenticated' }].map((identity) => ({
    identity,
    predicates,
  }))
  const rows = ['(1,)', '(2,)', '(3,)']
  const answers = await asking((look) =>
    evaluateForAll(look, { schema: 'public', name: 'notes' }, askings, rows),
  )
  const rest = [false, '22012', true]
  expect(answers).toEqual([
    [[false, true, true], [true, true, true], rest],
    Array.from(predicates, () => rows.map(() => '22023')),
    [[false, true, true], [false, false, false], rest],
  ])
})

test('among many predicates and rows, each one that fails is found, and the others are answered', async () => {
  const rows = ['1', '0', 'x', '3', '0', '5', '6', '7'].map((body, id) => `(${String(id)},${body})`)
  const predicates = ['id > 3', 'body::int > 2', '6 / body::int = 2', 'nothing', 'body IS NULL']
  const answers = await asking((look) =>
    evaluate(look, { schema: 'public', name: 'notes' }, anon, rows, predicates),
  )
  expect(answers).toEqual([
    [false, false, false, false, true, true, true, true],
    [false, false, '22P02', true, false, true, true, true],
    [false, '22012', '22P02', true, '22012', false, false, false],
    Array.from(rows, () => '42703'),
    Array.from(rows, () => false),
  ])
})
