import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import type { RelationName } from '../../src/postgres/identifiers.ts'
import { display, displayIdentifier, qualified, quote } from '../../src/postgres/identifiers.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { rules as allRules } from '../../src/rules/index.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import { runDown, runUp } from '../migrate/run.ts'
import { runCommand } from '../support/commandLine.ts'
import type { Effects, Identity } from '../support/effects.ts'
import { effectsOn, readTarget } from '../support/effects.ts'
import type { Engine } from '../support/engines.ts'
import { engineIsMissing } from '../support/engines.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { seldomAutovacuum } from '../support/seldomAutovacuum.ts'
import type { EveryPolicyDatabase } from './everyPolicyDatabase.ts'
import { createEveryPolicy } from './everyPolicyDatabase.ts'
import { identities, user } from './everyPolicyIdentities.ts'
import type { Expectation } from './everyPolicy.ts'
import { expectations } from './everyPolicy.ts'

const rules = [
  'auth_rls_initplan',
  'policy_function_initplan',
  'policy_membership_function',
  'policy_correlated_subquery',
  'duplicate_policy',
  'unindexed_policy_column',
]

/** Until all of them are there, what is expected of each policy cannot be asked for. */
const missingRules = rules.filter((name) => !allRules.some((rule) => rule.name === name))

interface Policy {
  schema: string
  table: string
  name: string
  /** Everything that the catalog holds of it, as text. */
  text: string
}

async function listPolicies(client: Client): Promise<Policy[]> {
  const { rows } = await client.query<Policy>(`
    SELECT n.nspname AS schema, c.relname AS table, p.polname AS name,
      concat_ws(' | ', p.polcmd, p.polpermissive, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid),
        pg_get_expr(p.polwithcheck, p.polrelid), obj_description(p.oid, 'pg_policy')) AS text
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    ORDER BY 1, 2, 3`)
  return rows
}

/** What everybody can do with every table, by running the commands. */
async function everything(client: Client, everybody: Identity[]): Promise<Record<string, Effects>> {
  const { rows: tables } = await client.query<RelationName>(`
    SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND (c.relrowsecurity OR EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid) OR c.relispartition)
      AND n.nspname <> 'auth'
    ORDER BY 1, 2`)
  const found: Record<string, Effects> = {}
  for (const table of tables) {
    const target = await readTarget(client, table)
    for (const identity of everybody) {
      found[`${display(table)} as ${JSON.stringify(identity)}`] = await effectsOn(client, target, identity)
    }
  }
  return found
}

interface Written {
  written: { file: string; rule: string; key: string }[]
  skipped: { key: string; rule: string; reason: string }[]
}

const patientConditions = new URL('patientConditions.ts', import.meta.url).href

/** Runs `optimize` as a user does, and points the files' imports at this checkout. */
async function optimize(url: string, directory: MigrationDirectory): Promise<Written> {
  const { exitCode, out, err } = await runCommand(
    [
      'optimize',
      '--rules',
      rules.filter((name) => !missingRules.includes(name)).join(','),
      '--out',
      directory.path,
      // A policy of a table whose row-level security is off is a note.
      '--level',
      'info',
      '--yes',
      '--json',
      '-',
    ],
    { environment: { DIRECT_URL: url } },
  )
  expect(exitCode, err).toBe(0)
  for (const file of await readdir(directory.path)) {
    const path = join(directory.path, file)
    await writeFile(
      path,
      (await readFile(path, 'utf8')).replaceAll(`'hundredfold'`, `'${patientConditions}'`),
    )
  }
  return JSON.parse(out) as Written
}

const servers = [
  { version: 18, everybody: identities },
  ...[15, 16, 17].map((version) => ({
    version,
    everybody: [
      identities[0],
      identities[3],
      user(0),
      user(2),
      user(0, 'every_policy_moderator'),
    ] as Identity[],
  })),
]

it('has an expectation for every policy, of which there are at least sixty', async () => {
  const database = await createEveryPolicy(inject('serverUrl'))
  const client = await connect(database.superuserUrl)
  const names = (await listPolicies(client)).map(({ schema, table, name }) => [schema, table, name].join(' '))
  await client.end()
  await database.drop()
  expect(names.length).toBeGreaterThanOrEqual(60)
  expect(
    expectations.map(({ table, policy }) => [table.schema, table.name, policy].join(' ')).sort(),
  ).toEqual(names.sort())
})

describe.each(servers)('every policy on PostgreSQL $version', ({ version, everybody }) => {
  const missing = version < 18 && engineIsMissing(`postgres${version}` as Engine)

  describe.skipIf(missing)('optimized', () => {
    let database: EveryPolicyDatabase
    let client: Client
    let owner: Client
    let stopServer = (): Promise<void> => Promise.resolve()
    let directory: MigrationDirectory
    let before: { policies: Policy[]; effects: Record<string, Effects>; schema: string }
    let after: Policy[]
    let result: Written

    beforeAll(async () => {
      let url = inject('serverUrl')
      if (version < 18) {
        const server = await startEmbedded({ version, settings: seldomAutovacuum })
        stopServer = () => server.stop()
        url = server.url()
      }
      database = await createEveryPolicy(url)
      client = await connect(database.superuserUrl)
      owner = await connect(database.ownerUrl)
      directory = await migrationDirectory()
      before = {
        policies: await listPolicies(client),
        effects: await everything(client, everybody),
        schema: (await readFingerprint(client)).text,
      }
      // What was updated and rolled back is dead weight in the tables, by which plans would be judged until autovacuum
      // happens to come by.
      await client.query('VACUUM ANALYZE')
      result = await optimize(database.ownerUrl, directory)
      const { failure } = await runUp(owner, directory.path)
      expect(failure).toBeUndefined()
      after = await listPolicies(client)
    }, 400_000)

    afterAll(async () => {
      await owner?.end()
      await client?.end()
      await database?.drop()
      await stopServer()
      await directory?.[Symbol.asyncDispose]()
    })

    const textOf = (policies: Policy[], { table, policy }: { table: RelationName; policy: string }) =>
      policies.find(
        (found) => found.schema === table.schema && found.table === table.name && found.name === policy,
      )?.text

    type Named = Pick<Expectation, 'table' | 'policy'>
    const subjectOf = ({ table, policy }: Named) =>
      [table.schema, table.name, policy].map(displayIdentifier).join('.')
    const reasonsFor = (named: Named) =>
      result.skipped.filter(({ key, rule }) => `${key}.`.startsWith(`${rule} ${subjectOf(named)}.`))
    /** The rules that wrote a migration for the policy. */
    const curedBy = (named: Named) =>
      result.written.flatMap(({ key, rule }) => (key === `${rule} ${subjectOf(named)}` ? [rule] : []))

    describe.each(expectations)('$policy', ({ table, policy, outcome }) => {
      const changed = () => textOf(before.policies, { table, policy }) !== textOf(after, { table, policy })

      if (outcome.kind === 'left') {
        it('is left as it is', () => expect(changed()).toBe(false))
        return
      }
      if (outcome.kind === 'refused') {
        it.skipIf(missingRules.length > 0)('is refused, with the precondition as the reason', () => {
          const reasons = reasonsFor({ table, policy }).map(({ reason }) => reason)
          expect(reasons.join('\n')).toMatch(outcome.because)
          expect(changed()).toBe(outcome.cured !== undefined)
          expect(new Set(curedBy({ table, policy }))).toEqual(new Set(outcome.cured))
        })
        return
      }
      it.skipIf(missingRules.length > 0)('is fixed by the expected rules', () => {
        expect(changed(), JSON.stringify(reasonsFor({ table, policy }))).toBe(true)
        expect(new Set(curedBy({ table, policy }))).toEqual(new Set(outcome.by))
      })
    })

    it('lets every role see and change the same rows as before', { timeout: 300_000 }, async () => {
      expect(await everything(client, everybody)).toEqual(before.effects)
    })

    it('shows each user their own rows under one cached generic plan', async () => {
      const users = everybody.filter(({ role, settings }) => role === 'authenticated' && settings)
      const session = await connect(database.superuserUrl)
      const different = new Set<string>()
      try {
        await session.query(`SET plan_cache_mode = force_generic_plan; SET search_path = public`)
        for (const [number, { table }] of expectations.entries()) {
          const name = qualified(table)
          await session.query(
            `PREPARE swap${number} AS SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), '') AS found FROM ${name} t`,
          )
          const seen = users.flatMap((identity) => {
            const select =
              before.effects[`${display(table)} as ${JSON.stringify(identity)}`]?.['select'] ?? ''
            return /^[0-9A-Z]{5}: /.test(select) ? [] : [{ identity, select }]
          })
          if (new Set(seen.map(({ select }) => select)).size > 1) different.add(name)
          // There and back again: the second and third time the plan was made for somebody else.
          for (const { identity, select } of [...seen, ...seen.toReversed()]) {
            await session.query('BEGIN')
            await session.query(`SELECT set_config('request.jwt.claims', $1, true)`, [
              JSON.stringify(identity.claims),
            ])
            for (const [key, value] of Object.entries(identity.settings ?? {})) {
              await session.query('SELECT set_config($1, $2, true)', [key, value])
            }
            await session.query(`SET LOCAL ROLE ${quote(identity.role)}`)
            const { rows } = await session.query<{ found: string }>(`EXECUTE swap${number}`)
            await session.query('ROLLBACK')
            expect(rows[0]?.found, `${name} as ${JSON.stringify(identity)}`).toBe(select)
          }
        }
        const plans = await session.query<{ generic: string; custom: string }>(
          `SELECT sum(generic_plans) AS generic, sum(custom_plans) AS custom FROM pg_prepared_statements`,
        )
        expect(Number(plans.rows[0]?.generic)).toBeGreaterThan(100)
        expect(plans.rows[0]?.custom).toBe('0')
        expect(different.size).toBeGreaterThan(5)
      } finally {
        await session.end()
      }
    })

    it('is taken back to the letter', { timeout: 120_000 }, async () => {
      const { failure } = await runDown(owner, directory.path)
      expect(failure).toBeUndefined()
      expect(await listPolicies(client)).toEqual(before.policies)
      expect((await readFingerprint(client)).text).toBe(before.schema)
    })
  })
})
