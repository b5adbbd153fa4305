import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { casaoraOwner } from '../../../src/bench/casaora/load.ts'
import { borrow } from '../../../src/db/database.ts'
import { quote } from '../../../src/db/identifiers.ts'
import { readOnly } from '../../../src/db/readOnly.ts'
import { chooseDrafts } from '../../../src/generate/chooseDrafts.ts'
import { writeMigrations } from '../../../src/generate/writeMigrations.ts'
import { loadMigrations } from '../../../src/migrate/loadMigrations.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import { up } from '../../../src/migrate/up.ts'
import { rules as allRules } from '../../../src/rules/index.ts'
import type { Finding } from '../../../src/rules/rule.ts'
import { ruleContext } from '../../../src/rules/rule.ts'
import type { RuleName } from '../../../src/rules/ruleNames.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import type { Effects } from '../../support/effects.ts'
import { effectsOn } from '../../support/effects.ts'
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

/** A policy's table and what it is for. */
export interface BodyTable {
  body: BodyCase
  form: Form
  name: string
}

/** Forms that take turns, so that each body meets one of them and each of them many bodies. */
const alternating: Form[] = ['case', 'coalesce', 'twice']

/** One table for each body and each place where it stands in a policy. */
export function tablesOf({ cases }: BodyGroup): BodyTable[] {
  return cases.flatMap((body, index) => {
    const turn = alternating[index % alternating.length] ?? 'twice'
    const chosen = body.forms ?? ['plain', 'and', 'or', turn]
    return chosen.map((form) => ({ body, form, name: `${body.name}_docs_${form}` }))
  })
}

/** Roles that the cases name: `r_keeper` owns things that are not the owner's, `r_other` is another role of the API. */
export interface BodyRoles {
  names: string[]
  /** With `r_keeper` and `c_table` in their real names. */
  inSql(text: string, body?: BodyCase): string
  drop(superuser: Client): Promise<void>
}

/** Makes the roles, which belong to the whole server. */
export async function createRoles(superuser: Client): Promise<BodyRoles> {
  const suffix = randomBytes(4).toString('hex')
  const names = ['r_keeper', 'r_other'].map((name) => `${name}_${suffix}`)
  for (const name of names) {
    await superuser.query(`CREATE ROLE ${name}; GRANT ${name} TO ${quote(casaoraOwner)}`)
  }
  return {
    names,
    inSql: (text, body) => {
      const named = text.replaceAll(/\br_(keeper|other)\b/g, `r_$1_${suffix}`)
      return body ? named.replaceAll(/\bc_(?=\w)/g, `${body.name}_`) : named
    },
    drop: async (client) => {
      await client.query(`DROP ROLE ${names.join(', ')}`)
    },
  }
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
  /** The predicates of every table's policies. */
  policies(): Promise<Map<string, string>>
}

/** Makes the database. */
export async function createBodies(group: BodyGroup, roles: BodyRoles): Promise<BodiesDatabase> {
  const database = await createDatabase()
  const superuser = await database.connect()
  const owner = await database.connect(database.ownerUrl)
  const tables = tablesOf(group)
  await owner.query(schema)
  await superuser.query(roles.inSql(`GRANT CREATE ON SCHEMA public TO r_keeper; GRANT USAGE ON SCHEMA auth TO r_keeper, r_other; ${group.superuser ?? ''}`))
  for (const body of group.cases) {
    const own = tables.filter((each) => each.body === body)
    await named(body, async () => {
      await owner.query(
        own
          .map(
            ({ name }) => `CREATE TABLE ${name} (LIKE docs INCLUDING ALL);
              CREATE INDEX ON ${name} (org_id);
              ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;
              GRANT SELECT, INSERT, UPDATE, DELETE ON ${name} TO anon, authenticated, ${roles.names.join(', ')}`,
          )
          .join(';'),
      )
      await owner.query(roles.inSql(body.setup, body))
      if (body.superuser) await superuser.query(roles.inSql(body.superuser, body))
      for (const { form, name } of own) {
        const predicate = roles.inSql(body.predicate, body).replaceAll(/\bt_(?!\w)/g, name)
        for (const policy of form === 'twice' ? ['p', 'p again'] : ['p'])
          await owner.query(`CREATE POLICY ${quote(policy)} ON ${name} USING (${forms[form](predicate)})`)
      }
      // A page that once had a row: the planner then believes in rows without there being one.
      for (const { name } of body.isLarge ? own : [])
        await superuser.query(`INSERT INTO ${name} (id) VALUES (0)`).then(() => superuser.query(`DELETE FROM ${name}`))
    })
  }
  const believe = async () => {
    const large = tables.filter(({ body }) => body.isLarge).map(({ name }) => name)
    await superuser.query(
      `UPDATE pg_class SET reltuples = 5000, relpages = 1 WHERE relname = ANY ($1) AND relkind = 'r'`,
      [large],
    )
  }
  await believe()
  return {
    database,
    superuser,
    fill: async () => {
      await superuser.query(rows)
      for (const body of group.cases) {
        await named(body, async () => {
          if (body.rows) await superuser.query(roles.inSql(body.rows, body))
          for (const { name } of tables.filter((each) => each.body === body)) await superuser.query(documents(name))
        })
      }
      await superuser.query('ANALYZE')
      await believe()
    },
    optimize: () => optimize(owner, group),
    effects: async (settings = {}) => {
      const found = new Map<string, Effects>()
      const names = new Set([...Object.keys(everybody), ...group.cases.flatMap(({ identities }) => Object.keys(identities ?? {}))])
      await Promise.all(
        Array.from(names, async (name) => {
          // A setting that one caller made leaves an empty one behind in the session, so each has its own.
          const client = await database.connect()
          for (const table of tables) {
            const given = everybody[name] ?? table.body.identities?.[name]
            if (!given) continue
            const identity = {
              ...given,
              role: roles.inSql(given.role),
              settings: { ...settings, ...given.settings },
              ...(given.prepares ? { prepares: roles.inSql(given.prepares, table.body) } : {}),
            }
            found.set(`${table.name} as ${name}`, await effectsOn(client, { schema: 'public', name: table.name }, identity))
          }
          await client.end()
        }),
      )
      return found
    },
    policies: async () => {
      const { rows: found } = await superuser.query<{ table: string; text: string }>(
        `SELECT c.relname::text AS table, string_agg(concat_ws(' | ', p.polname, pg_get_expr(polqual, polrelid)), ' || ' ORDER BY p.polname) AS text
         FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid GROUP BY 1`,
      )
      return new Map(found.map(({ table, text }) => [table, text]))
    },
  }
}

async function named(body: BodyCase, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw new Error(`${body.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** Writes what `optimize` would and applies it; where a case's migrations stop, those of the others go on. */
async function optimize(owner: Client, { cases }: BodyGroup): Promise<Map<string, string>> {
  const findings = await readOnly(owner, async () => {
    const context = ruleContext(borrow(owner), undefined, rules)
    const found: Finding[] = []
    for (const rule of allRules.filter(({ name }) => rules.includes(name))) found.push(...(await rule.find(context)))
    return found
  })
  const { drafts } = await chooseDrafts(owner, findings, [])
  await using directory = await migrationDirectory()
  const files = await writeMigrations(directory.path, drafts)
  const caseOf = new Map<string, string>()
  for (const [draft, path] of files) {
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replaceAll(`'hundredfold'`, `'${patientConditions}'`))
    const statements = JSON.stringify([draft.up, draft.before])
    const of = cases.find(({ name }) => new RegExp(`\\b${name}_`).test(statements))
    if (of) caseOf.set(path, of.name)
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
