import type { Client } from 'pg'
import { sql } from '../../src/postgres/sql.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { borrow } from '../../src/postgres/database.ts'
import { readOnly } from '../../src/postgres/readOnly.ts'
import { isConnectionLost } from '../../src/postgres/sqlState.ts'
import { findAll } from '../../src/rules/find.ts'
import { noPrimaryKey } from '../../src/rules/tables/noPrimaryKey.ts'
import type { Rule } from '../../src/rules/rule.ts'
import type { Snapshot } from '../../src/catalog/snapshot.ts'
import { keyOf } from '../../src/rules/rule.ts'
import { snapshotOf } from '../../src/catalog/snapshot.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let owner: Client
let superuser: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  superuser = await database.connect()
  await owner.query(`CREATE TABLE public.keyless (id int)`)
  await superuser.query(`CREATE SCHEMA closed; CREATE TABLE closed.secrets (id int PRIMARY KEY)`)
})
afterAll(() => database.drop())

/** A rule that does what it is told in place of looking. */
function ruleThat(find: (context: Snapshot) => Promise<unknown>): Rule {
  return {
    ...{ name: 'cache_hit_ratio', finds: '', cure: '' },
    find: async (context) => {
      await find(context)
      return []
    },
  }
}

/** Asks the rule and then another one. */
function ask(rule: Rule) {
  return readOnly(owner, () => findAll([rule, noPrimaryKey], snapshotOf(borrow(owner))), {
    statementTimeoutMs: 3_000,
    lockTimeoutMs: 200,
  })
}

describe('a rule that cannot see what it needs is skipped with its reason, and the next one still runs', () => {
  it.each([
    [
      'for lack of a privilege',
      ruleThat(({ db }) => sql`SELECT FROM closed.secrets`.execute(db)),
      /^the role may not see it: permission denied/,
    ],
    [
      'for a timeout',
      ruleThat(({ db }) => sql`SELECT pg_catalog.pg_sleep(600)`.execute(db)),
      /^it took longer than the statement timeout$/,
    ],
    [
      'for an object that was dropped meanwhile',
      ruleThat(({ db }) => sql`SELECT 'public.gone'::pg_catalog.regclass`.execute(db)),
      /^an object was dropped while it was read/,
    ],
  ])('%s', async (_, rule, reason) => {
    const { looked, findings } = await ask(rule)
    expect(looked).toEqual([
      { rule, status: 'skipped', reason: expect.stringMatching(reason) as string },
      { rule: noPrimaryKey, status: 'ok' },
    ])
    expect(findings.map(keyOf)).toEqual(['no_primary_key public.keyless'])
  })

  it('for a lock', async () => {
    const holder = await database.connect(database.ownerUrl)
    await holder.query('CREATE TABLE public.held (id int PRIMARY KEY)')
    await holder.query('BEGIN; LOCK TABLE public.held')
    const { looked } = await ask(ruleThat(({ db }) => sql`SELECT FROM public.held`.execute(db)))
    await holder.query('ROLLBACK')
    expect(looked.map(({ status, reason }) => [status, reason])).toEqual([
      ['skipped', 'another session holds a lock on an object that it reads'],
      ['ok', undefined],
    ])
  })
})

describe('a rule fails on an unexpected error, and the next one still runs', () => {
  it.each([
    ['in SQL', ruleThat(({ db }) => sql`SELECT 1 / 0`.execute(db)), 'division by zero'],
    [
      'in SQL that names what PostgreSQL does not have',
      ruleThat(({ db }) => sql`SELECT FROM pg_catalog.pg_no_such_view`.execute(db)),
      'relation "pg_catalog.pg_no_such_view" does not exist',
    ],
    [
      'in the program',
      ruleThat(() => Promise.reject(new TypeError('x is not a function'))),
      'x is not a function',
    ],
  ])('%s', async (_, rule, reason) => {
    const { looked, findings } = await ask(rule)
    expect(looked).toEqual([
      { rule, status: 'failed', reason },
      { rule: noPrimaryKey, status: 'ok' },
    ])
    expect(findings.map(keyOf)).toEqual(['no_primary_key public.keyless'])
  })
})

it('a lost session ends the run', async () => {
  const doomed = await database.connect(database.ownerUrl)
  const { rows } = await doomed.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  doomed.on('error', () => undefined)
  const rule = ruleThat(async ({ db }) => {
    await superuser.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
    await sql`SELECT 1`.execute(db)
  })
  await expect(
    readOnly(doomed, () => findAll([rule, noPrimaryKey], snapshotOf(borrow(doomed)))),
  ).rejects.toSatisfy(isConnectionLost)
})
