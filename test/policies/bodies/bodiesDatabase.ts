import { readFile, writeFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { inject } from 'vitest'
import { quote } from '../../../src/postgres/identifiers.ts'
import { optimize } from '../../../src/optimize/optimize.ts'
import { orderGroups } from '../../../src/optimize/orderGroups.ts'
import { writeMigrations } from '../../../src/optimize/writeMigrations.ts'
import { loadMigrations } from '../../../src/migrate/loadMigrations.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import { up } from '../../../src/migrate/up.ts'
import { expectNoFailure } from '../../../src/rules/find.ts'
import { rules as allRules } from '../../../src/rules/index.ts'
import type { RuleName } from '../../../src/rules/ruleNames.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import type { Effects, Target } from '../../support/effects.ts'
import { effectsOn, readTarget } from '../../support/effects.ts'
import { migrationDirectory } from '../../support/migrationFiles.ts'
import type { BodyCase, BodyGroup, Form } from './bodyCase.ts'
import { forms } from './bodyCase.ts'
import { documents, everybody, rows, schema } from './world.ts'

const rules: RuleName[] = [
  'auth_rls_initplan',
  'policy_function_initplan',
  'policy_membership_function',
  'policy_correlated_subquery',
  'duplicate_policy',
  'unindexed_policy_column',
]

const patientConditions = new URL('../patientConditions.ts', import.meta.url).href
const conditionsWithoutProof = new URL('conditionsWithoutProof.ts', import.meta.url).href

/** The table of a case's policies. */
export function tableOf({ name }: BodyCase): string {
  return `${name}_docs`
}

const commands = ['SELECT', 'DELETE', 'UPDATE', 'INSERT'] as const
const orders: Form[][] = [
  ['plain', 'and', 'or', 'case'],
  ['and', 'plain', 'coalesce', 'or'],
  ['plain', 'or', 'and', 'coalesce'],
  ['and', 'case', 'plain', 'or'],
]

/** One policy for each command, each with the predicate in another place; each second case says one of them twice. */
function createPolicies(body: BodyCase, predicate: string, index: number): string[] {
  const create = (name: string, command: string, form: Form) =>
    `CREATE POLICY ${quote(name)} ON ${tableOf(body)} FOR ${command} ${command === 'INSERT' ? 'WITH CHECK' : 'USING'} (${forms[form](predicate)})`
  if (body.only) return [create(body.only, 'ALL', body.only)]
  const order = orders[index % orders.length] ?? []
  const each = order.map((form, at) => create(form, commands[at] ?? 'ALL', form))
  const plain = commands[order.indexOf('plain')] ?? 'ALL'
  return index % 2 === 0 ? each : [...each, create('plain again', plain, 'plain')]
}

/**
 * A case's SQL with `r_keeper`, `r_other` and `c_table` in their real names: `r_keeper` owns things that are not the
 * owner's, `r_other` is another role of the API.
 */
function inSql(text: string, body?: BodyCase): string {
  const [keeper, other] = inject('ownerGroups')
  const named = text.replaceAll(/\br_keeper\b/g, keeper).replaceAll(/\br_other\b/g, other)
  return body ? named.replaceAll(/\bc_(?=\w)/g, `${body.name}_`) : named
}

/** A database with the policies of a group, and no rows. */
export interface BodiesDatabase {
  database: TestDatabase
  superuser: Client
  fill(): Promise<void>
  /** Why `up` stopped, by the name of the case. */
  optimize(): Promise<Map<string, string>>
  /** Every command on every table as everybody: by table and identity. */
  effects(settings?: Record<string, string>): Promise<Map<string, Effects>>
  /** Works while this database also has the indexes that the other one has. */
  withIndexesOf<T>(other: BodiesDatabase, work: () => Promise<T>): Promise<T>
  /** The indexes of schema public, by their definitions. */
  indexes(): Promise<Map<string, string>>
  /** The predicates of every case's policies, by their names. */
  policies(): Promise<Map<string, string>>
}

/** Makes the database. */
export async function createBodies(group: BodyGroup): Promise<BodiesDatabase> {
  const database = await createDatabase()
  const superuser = await database.connect()
  const owner = await database.connect(database.ownerUrl)
  await owner.query(schema)
  await superuser.query(
    inSql(
      `GRANT USAGE, CREATE ON SCHEMA public TO r_keeper; GRANT USAGE ON SCHEMA auth TO r_keeper, r_other; ${group.superuser ?? ''}`,
    ),
  )
  for (const [index, body] of group.cases.entries()) {
    await named(body, async () => {
      const table = tableOf(body)
      await owner.query(
        `CREATE TABLE ${table} (LIKE docs INCLUDING ALL) WITH (autovacuum_enabled = off);
         CREATE INDEX ON ${table} (org_id);
         ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO anon, authenticated, ${inject('ownerGroups').join(', ')}`,
      )
      await owner.query(inSql(body.setup ?? '', body))
      if (body.superuser) await superuser.query(inSql(body.superuser, body))
      await owner.query(createPolicies(body, inSql(body.predicate, body), index).join(';\n'))
      // A page that once had a row: the planner then believes in rows without there being one.
      if (body.isLarge) {
        await superuser.query(`INSERT INTO ${table} (id) VALUES (0)`)
        await superuser.query(`DELETE FROM ${table}`)
      }
    })
  }
  const believe = async () => {
    const large = group.cases.filter(({ isLarge }) => isLarge).map(tableOf)
    await superuser.query(
      `UPDATE pg_class SET reltuples = 5000, relpages = 1 WHERE relname = ANY ($1) AND relkind = 'r'`,
      [large],
    )
  }
  const indexes = async () => {
    const { rows: found } = await superuser.query<{ definition: string; name: string }>(
      `SELECT pg_get_indexdef(i.oid) AS definition, i.oid::regclass::text AS name
       FROM pg_class i WHERE i.relkind = 'i' AND i.relnamespace = 'public'::regnamespace`,
    )
    return new Map(found.map(({ definition, name }) => [definition, name]))
  }
  await believe()
  return {
    database,
    superuser,
    fill: async () => {
      await superuser.query(rows)
      for (const body of group.cases) {
        await named(body, async () => {
          if (body.rows) await superuser.query(inSql(body.rows, body))
          await superuser.query(documents(tableOf(body)))
          if (body.documents) await superuser.query(inSql(body.documents, body))
        })
      }
    },
    optimize: () => optimizeAndApply(owner, group),
    effects: async (settings = {}) => {
      // Every change is rolled back but leaves dead rows, by which the planner would choose another plan the next time.
      await superuser.query(`VACUUM (FULL, ANALYZE) ${group.cases.map(tableOf).join(', ')}`)
      await superuser.query('ANALYZE')
      await believe()
      const found = new Map<string, Effects>()
      const targets = new Map<BodyCase, Target>()
      for (const body of group.cases) {
        targets.set(body, await readTarget(superuser, { schema: 'public', name: tableOf(body) }))
      }
      const names = new Set([
        ...Object.keys(everybody),
        ...group.cases.flatMap(({ identities }) => Object.keys(identities ?? {})),
      ])
      // One caller after the other: they change the same rows, and would wait for each other.
      for (const name of names) {
        // A setting that one caller made leaves an empty one behind in the session, so each has its own.
        const client = await database.connect()
        for (const [body, target] of targets) {
          const given = everybody[name] ?? body.identities?.[name]
          if (!given) continue
          const identity = {
            ...given,
            role: inSql(given.role),
            settings: { ...settings, ...given.settings },
            ...(given.prepares ? { prepares: inSql(given.prepares, body) } : {}),
          }
          found.set(`${body.name} as ${name}`, await effectsOn(client, target, identity))
        }
        await client.end()
      }
      return found
    },
    withIndexesOf: async (other, work) => {
      const ours = new Set((await indexes()).keys())
      const added = [...(await other.indexes())].filter(([definition]) => !ours.has(definition))
      for (const [definition] of added) await superuser.query(definition)
      const result = await work()
      for (const [, name] of added) await superuser.query(`DROP INDEX ${name}`)
      return result
    },
    indexes,
    policies: async () => {
      const { rows: found } = await superuser.query<{ policy: string; text: string }>(
        `SELECT polrelid::regclass::text || ' ' || polname AS policy,
           coalesce(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) AS text FROM pg_policy`,
      )
      return new Map(found.map(({ policy, text }) => [policy, text]))
    },
  }
}

async function named(body: BodyCase, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw new Error(`${body.name}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

/** Writes what `optimize` would, a file for each operation, and applies it; where a case's migrations stop, those of the others go on. */
async function optimizeAndApply(owner: Client, { cases }: BodyGroup): Promise<Map<string, string>> {
  await using directory = await migrationDirectory()
  const { found, choice } = await optimize(owner, {
    rules: allRules.filter(({ name }) => rules.includes(name)),
    level: 'info',
    directory: directory.path,
  })
  expectNoFailure(found)
  const files = await writeMigrations(
    directory.path,
    orderGroups(
      choice.operations.map((operation) => ({ operation, operations: [operation] })),
      (operation) => choice.operations.indexOf(operation),
    ),
  )
  const caseOf = new Map<string, string>()
  for (const [operation, path] of files) {
    const statements = JSON.stringify([operation.up, operation.before])
    const [of] = cases
      .filter(({ name }) => new RegExp(`(?<![a-z0-9_])${name}_`).test(statements))
      .sort((one, other) => other.name.length - one.name.length)
    if (of) caseOf.set(path, of.name)
    // What must be rewritten must pass the proof as well.
    const conditions = of?.mustRewrite ? patientConditions : conditionsWithoutProof
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replaceAll(`'hundredfold'`, `'${conditions}'`))
  }
  const stops = new Map<string, string>()
  const applied = new Set<string>()
  let migrations = await loadMigrations(directory.path)
  for (;;) {
    const result = await up(migrations, {}, { ...defaultRunOptions, client: owner })
    if (!result.failure) return stops
    for (const { name } of result.ran) applied.add(name)
    const stopped = migrations.find(({ name }) => !applied.has(name))
    const of = stopped && caseOf.get(stopped.path)
    if (!stopped || of === undefined) throw result.failure
    stops.set(of, `${stopped.name}: ${result.failure.message}`)
    migrations = migrations.filter(({ name, path }) => applied.has(name) || caseOf.get(path) !== of)
  }
}
