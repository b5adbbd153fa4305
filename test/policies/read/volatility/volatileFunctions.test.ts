import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readOnce } from '../../../../src/catalog/reader.ts'
import { readParsedPolicies } from '../../../../src/policies/rewrite/parsedPolicies.ts'
import { borrow } from '../../../../src/postgres/database.ts'
import { errorCode } from '../../../../src/postgres/sqlState.ts'
import type { TestDatabase } from '../../../support/database.ts'
import { createDatabase } from '../../../support/database.ts'
import type { VolatileCase } from './corpus.ts'
import { steady, unsteady } from './corpus.ts'
import { commands, grants, world } from './world.ts'

let database: TestDatabase
let client: Client
let asked: Record<string, string>
const notices: string[] = []

beforeAll(async () => {
  database = await createDatabase()
  client = await database.connect()
  client.on('notice', ({ message }) => notices.push(message ?? ''))
  await client.query(world)
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  )
  const { merge, ...others } = commands
  asked = (rows[0]?.version ?? 0) >= 150000 && merge ? { ...others, merge } : others
})
afterAll(() => database.drop())

/** Works in a transaction in which the case is set up and `f()` is the policy of `docs`, and takes it all back. */
async function within<T>({ setup }: VolatileCase, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    await client.query(
      `SET LOCAL search_path = public; ${setup} ${grants} CREATE POLICY p ON docs USING (f())`,
    )
    return await work()
  } finally {
    await client.query('ROLLBACK')
  }
}

/** What forbids that `f()` is called once per statement, as the catalog is now. */
async function verdict(): Promise<string | undefined> {
  await client.query(`SAVEPOINT asked; SET LOCAL search_path = ''`)
  const policies = await readOnce(borrow(client))(readParsedPolicies)
  await client.query('ROLLBACK TO asked')
  const policy = policies.catalog.policies.find(({ name }) => name === 'p')
  const called = policy?.functions.find(({ name }) => name === 'f')
  if (!policy || !called) throw new Error('the policy does not call f()')
  expect(called.volatility).toBe('volatile')
  return policies.volatile.whyPerRow(called, policy.table.oid)
}

const everything = ['docs', 'notes', 'audit', 'members', 'teams']
  .map((table) => `SELECT '${table}' AS name, to_jsonb(t)::text AS row FROM ${table} t`)
  .join(' UNION ALL ')

/** What every command does as two callers: its rows and messages, and what all tables hold afterwards; or its error. */
async function effects(predicate: string): Promise<Record<string, string>> {
  await client.query(`ALTER POLICY p ON docs USING (${predicate})`)
  const found: Record<string, string> = {}
  for (const caller of ['ada', 'ben']) {
    for (const [name, command] of Object.entries(asked)) {
      notices.length = 0
      found[`${name} as ${caller}`] = await outcome(caller, command)
    }
  }
  return found
}

async function outcome(caller: string, command: string): Promise<string> {
  try {
    const results = (await client.query(`
      SAVEPOINT tried; SELECT setval('doc_ids', 100), set_config('app.me', '${caller}', true); SET LOCAL ROLE authenticated;
      ${command};
      RESET ROLE; ${everything} ORDER BY 1, 2`)) as unknown as {
      command: string
      rowCount: number
      rows: unknown[]
    }[]
    const [answer, , state] = results.slice(3)
    return JSON.stringify([answer?.rowCount, answer?.rows, state?.rows, notices])
  } catch (error) {
    return errorCode(error) ?? String(error)
  } finally {
    await client.query('ROLLBACK TO tried')
  }
}

describe('a VOLATILE function may be called once per statement', () => {
  test.each(steady)('with $name', async (each) => {
    await within(each, async () => {
      expect(await verdict()).toBeUndefined()
      const perRow = await effects('f()')
      expect(await effects('(SELECT f())')).toEqual(perRow)
      // The test would see nothing if every command failed.
      expect(Object.values(perRow).filter((outcome) => outcome.startsWith('[')).length).toBeGreaterThan(10)
    })
  })
})

describe('a VOLATILE function must be called for every row', () => {
  test.each(unsteady)('with $name', async (each) => {
    await within(each, async () => {
      expect(await verdict()).toMatch(each.refused ?? '')
      const perRow = await effects('f()')
      const once = await effects('(SELECT f())')
      if (each.unseen === undefined) expect(once).not.toEqual(perRow)
    })
  })
})

test('the corpus has at least 30 functions of each kind', () => {
  expect(steady.length).toBeGreaterThanOrEqual(30)
  expect(unsteady.filter(({ unseen }) => unseen === undefined).length).toBeGreaterThanOrEqual(30)
})
