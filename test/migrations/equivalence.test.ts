import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { casaoraMigrations } from '../../src/bench/casaora/database.ts'
import type { RelationName } from '../../src/postgres/identifiers.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import type { Migration } from '../../src/migrate/migration.ts'
import { buildScript } from '../../src/migrate/script.ts'
import { rewriteIsEquivalent } from '../../src/policies/proof/rewriteIsEquivalent.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

/** `ALTER POLICY` as PostgreSQL's parser has it. */
interface AlterPolicy {
  policy_name?: string
  table?: { schemaname?: string; relname?: string }
  qual?: object
  with_check?: object
}

const migrations = await loadMigrations(casaoraMigrations)

describe("Casaora's migrations that rewrite a policy", () => {
  let database: TestDatabase
  let client: Client

  beforeAll(async () => {
    database = await createDatabase({ from: 'empty' })
    client = await database.connect()
  })
  afterAll(() => database.drop())

  it('compare the rows that pass before and after, for every such policy, before anything is changed', async () => {
    const lacking: Record<string, string[]> = {}
    let altering = 0
    for (const migration of migrations) {
      const wanted = [...(await listAlteredPolicies(migration))].map(
        ([table, policies]) =>
          rewriteIsEquivalent(
            JSON.parse(table) as RelationName,
            policies.map((policy) => ({ policy, using: null, check: null })),
          ).description,
      )
      altering += wanted.length
      const asked = migration.optimization?.before.map(({ description }) => description) ?? []
      const missing = wanted.filter((description) => !asked.includes(description))
      if (missing.length > 0) lacking[migration.name] = missing
    }
    expect(lacking).toEqual({})
    expect(altering).toBe(13)
  })

  /** Policies whose USING or WITH CHECK the migration sets, by the JSON of their table. */
  async function listAlteredPolicies(migration: Migration): Promise<Map<string, string[]>> {
    const byTable = new Map<string, string[]>()
    const { statements } = await buildScript(migration, 'up', client, 60_000)
    for (const { node } of statements) {
      const alter = node['AlterPolicyStmt'] as AlterPolicy | undefined
      if (!alter?.qual && !alter?.with_check) continue
      const { schemaname: schema, relname: name } = alter.table ?? {}
      const table = JSON.stringify({ schema, name })
      byTable.set(table, [...(byTable.get(table) ?? []), alter.policy_name ?? ''])
    }
    return byTable
  }
})
