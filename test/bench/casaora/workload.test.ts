import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { casaoraMigrations, readCasaoraWorkload } from '../../../src/bench/casaora/database.ts'
import { casaoraIdentities } from '../../../src/bench/casaora/load.ts'
import { runUpWithoutProofs } from '../../migrate/run.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { asCaller } from './asCaller.ts'

const workload = await readCasaoraWorkload()

/** With the arguments in place of `$1`, `$2` ..., as types that the file names. */
function withArguments({ sql, types }: { sql: string; types: string[] }, args: string[]): string {
  return sql.replace(/\$(\d+)/g, (_, number: string) => {
    const at = Number(number) - 1
    return `CAST(${args[at]} AS ${types[at]})`
  })
}

async function run(client: Client): Promise<Map<string, unknown>> {
  const results = new Map<string, unknown>()
  for (const statement of workload) {
    const caller = { role: statement.role ?? 'authenticated', claims: statement.claims ?? {} }
    for (const [at, args] of statement.args.entries()) {
      const { rowCount, rows } = await asCaller(client, caller, withArguments(statement, args))
      // Which of several equal rows a LIMIT lets through is the planner's choice.
      const isWhole = !/LIMIT \d+$/.test(statement.sql)
      const sorted = rows.map((row) => JSON.stringify(row)).sort()
      results.set(`${statement.name} ${at}`, { rowCount, rows: isWhole ? sorted : 'some' })
    }
  }
  return results
}

describe("Casaora's workload", () => {
  let database: TestDatabase
  let client: Client

  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
    client = await database.connect()
  })
  afterAll(() => database.drop())

  it('has at least 40 statements, sent by visitors, users and the server itself', () => {
    expect(workload.length).toBeGreaterThanOrEqual(40)
    expect(new Set(workload.map(({ role }) => role))).toEqual(
      new Set(['anon', 'authenticated', 'service_role']),
    )
  })

  it('is sent by users that exist in Casaora', async () => {
    const people = new Set(workload.flatMap(({ claims }) => (claims?.['sub'] ? [claims['sub']] : [])))
    const known = await client.query('SELECT FROM profiles WHERE id = ANY ($1)', [[...people]])
    expect(known.rowCount).toBe(people.size)
    for (const id of Object.values(casaoraIdentities)) expect(people).toContain(id)
  })

  it('runs, and returns the same rows after all migrations as before', async () => {
    const before = await run(client)
    const owner = await database.connect(database.ownerUrl)
    // The migrations' own tests ask their proofs of the same rows.
    expect((await runUpWithoutProofs(owner, casaoraMigrations)).failure).toBeUndefined()
    const after = await run(client)
    expect([...after.keys()]).toEqual([...before.keys()])
    for (const [name, result] of before) expect(after.get(name), name).toEqual(result)
  })
})
