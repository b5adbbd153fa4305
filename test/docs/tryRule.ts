import { setTimeout } from 'node:timers/promises'
import type { Client } from 'pg'
import { snapshotOf } from '../../src/catalog/snapshot.ts'
import { chooseOperations } from '../../src/optimize/chooseOperations.ts'
import { connect } from '../../src/postgres/connect.ts'
import { borrow } from '../../src/postgres/database.ts'
import { readOnly } from '../../src/postgres/readOnly.ts'
import { expectNoFailure, findAll } from '../../src/rules/find.ts'
import type { Finding, Rule } from '../../src/rules/rule.ts'
import { splitStatements } from '../../src/syntax/statements.ts'
import { createAuthPlatform } from '../support/authPlatform.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { Example, Outcome } from './rulePage.ts'

/** Runs the SQL of pages, each in an empty schema, as an owner who is no superuser. */
export class RulePlayground {
  readonly #database: TestDatabase
  readonly #superuser: Client

  private constructor(database: TestDatabase, superuser: Client) {
    this.#database = database
    this.#superuser = superuser
  }

  static async open(): Promise<RulePlayground> {
    const database = await createDatabase()
    const superuser = await database.connect()
    await createAuthPlatform(superuser)
    // A table is open to the roles of the API only where a page grants it.
    await superuser.query(
      `ALTER DEFAULT PRIVILEGES FOR ROLE casaora_owner REVOKE ALL ON TABLES FROM anon, authenticated`,
    )
    await superuser.query(`CREATE TABLE IF NOT EXISTS auth.users (id uuid PRIMARY KEY, email text);
      GRANT SELECT, REFERENCES ON auth.users TO casaora_owner`)
    return new RulePlayground(database, superuser)
  }

  async close(): Promise<void> {
    await this.#database.drop()
  }

  /** What the rule finds after one of the two blocks of a page, and the migrations that fix it. */
  async try(rule: Rule, example: Example, which: 'bad' | 'good'): Promise<Outcome | undefined> {
    await this.#superuser.query(`
      DROP EXTENSION IF EXISTS pg_trgm, pg_stat_statements;
      DROP SCHEMA IF EXISTS storage CASCADE;
      DROP SCHEMA public CASCADE;
      CREATE SCHEMA public AUTHORIZATION casaora_owner;
      GRANT USAGE ON SCHEMA public TO anon, authenticated`)
    const writer = await connect(this.#database.ownerUrl, { applicationName: rule.name })
    const looker = await connect(this.#database.ownerUrl, { applicationName: 'looker' })
    try {
      for (const part of [example.given, example[which]]) await runEach(writer, part)
      await setTimeout(20)
      const [finding] = await ask(looker, rule)
      if (!finding) return undefined
      const { operations } = await chooseOperations(looker, [finding], [])
      return { finding, operations }
    } finally {
      await writer.end()
      await looker.end()
    }
  }
}

/** Statement by statement, each one's counters before the next, as where a person types them. A comment may say ERROR. */
async function runEach(client: Client, sql: string): Promise<void> {
  const fails = sql.includes('-- ERROR')
  if (sql === '') return
  for (const { sql: statement } of await splitStatements(sql)) {
    await client.query(statement).catch((error: unknown) => {
      if (!fails) throw error
    })
    await client.query(`SELECT pg_catalog.pg_stat_force_next_flush()`)
  }
}

/** Asks one rule in a read-only snapshot, as `diagnose` does; what other sessions of the server do is not this page's. */
async function ask(client: Client, rule: Rule): Promise<Finding[]> {
  const found = await readOnly(client, () => findAll([rule], snapshotOf(borrow(client), ['public'])))
  expectNoFailure(found)
  const aboutSessions = ['idle_in_transaction', 'long_transaction'].includes(rule.name)
  return found.findings.filter(({ subject }) => !aboutSessions || subject.includes(rule.name))
}
