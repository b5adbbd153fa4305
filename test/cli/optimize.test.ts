import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from 'pg'
import { callCommand, runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'

interface Result {
  written: { file: string; rule: string; key: string }[]
  skipped: { key: string; rule: string; reason: string }[]
}

let database: TestDatabase
let directory: string

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  directory = await mkdtemp(join(tmpdir(), 'optimize-'))
})
afterAll(async () => {
  await database.drop()
  await rm(directory, { recursive: true, force: true })
})

async function optimize(...args: string[]) {
  const { exitCode, out, err } = await callCommand(
    ['optimize', '--out', directory, '--yes', '--json', '-', ...args],
    { environment: { DIRECT_URL: database.ownerUrl } },
  )
  return { exitCode, err, result: (exitCode === 0 ? JSON.parse(out) : undefined) as Result }
}

describe('optimize', () => {
  test('refuses a rule that does not exist, and names those that do', async () => {
    const { exitCode, err } = await optimize('--rules', 'auth_rls_initplan,no_such_rule')
    expect(exitCode).toBe(5)
    expect(err).toContain('There is no rule called no_such_rule')
    expect(err).toContain('policy_function_initplan')
  })

  test('writes one migration per table, with numbers that ascend and predicates as PostgreSQL prints them', async () => {
    const { exitCode, result, err } = await optimize('--rules', 'auth_rls_initplan,policy_function_initplan')
    expect(err).not.toContain('Error')
    expect(exitCode).toBe(0)
    const files = (await readdir(directory)).sort()
    expect(new Set(files.map((name) => name.slice(0, 17))).size).toBe(files.length)
    expect(files).toHaveLength(13)
    expect(new Set(result.written.map(({ file }) => file)).size).toBe(13)
    expect(result.written.map(({ key }) => key)).toContain(
      'auth_rls_initplan public.bookings."Users can view their bookings"',
    )
    const bookings = files.find((name) => name.endsWith('rewrite-bookings-policies.ts')) ?? ''
    const text = await readFile(join(directory, bookings), 'utf8')
    expect(text).toContain(
      '((customer_id = ( SELECT auth.uid() AS uid)) OR (professional_id = ( SELECT auth.uid() AS uid)))',
    )
    expect(text).toContain('( SELECT public.is_admin() AS is_admin)')
    expect(text).toContain('rewriteIsEquivalent(')
  })

  test('does not write again what a pending migration does', async () => {
    const { result } = await optimize('--rules', 'auth_rls_initplan,policy_function_initplan')
    expect(result.written).toEqual([])
    expect(result.skipped.every(({ reason }) => reason.startsWith('the pending migration '))).toBe(true)
    expect(await readdir(directory)).toHaveLength(13)
  })

  test('does not write again what an older file without ids does', async () => {
    for (const file of await readdir(directory)) {
      const path = join(directory, file)
      const text = await readFile(path, 'utf8')
      await writeFile(path, text.replace(/ {2}operations: \[[^\]]*\],\n/, ''))
      expect(await readFile(path, 'utf8')).not.toContain('operations')
    }
    const { result } = await optimize('--rules', 'auth_rls_initplan,policy_function_initplan')
    expect(result.written).toEqual([])
    expect(await readdir(directory)).toHaveLength(13)
  })

  test('writes only once an index that a foreign key and a policy need', async () => {
    const indexes = await mkdtemp(join(tmpdir(), 'optimize-indexes-'))
    try {
      const { result } = await optimize(
        ...['--rules', 'unindexed_foreign_keys,unindexed_policy_column', '--out', indexes],
      )
      const files = await readdir(indexes)
      const slugs = files.map((name) => name.slice(18))
      expect(new Set(slugs).size).toBe(slugs.length)
      const rulesOf = (file: string): Set<string> =>
        new Set(result.written.filter((each) => basename(each.file) === file).map(({ rule }) => rule))
      const curesBoth = files.filter((file) => rulesOf(file).size === 2)
      expect(curesBoth.map((name) => name.slice(18))).toContain('create-notifications-user-id-idx.ts')
    } finally {
      await rm(indexes, { recursive: true, force: true })
    }
  })
})

/** Writes migrations for the rules, so that they find this checkout's `hundredfold`. */
async function writeFor(url: string, migrations: MigrationDirectory, rules: string): Promise<Result> {
  const { out, err, exitCode } = await runCommand(
    ['optimize', '--out', migrations.path, '--rules', rules, '--yes', '--json', '-'],
    { environment: { DIRECT_URL: url } },
  )
  expect(err).not.toContain('Error')
  expect(exitCode).toBe(0)
  for (const name of await readdir(migrations.path)) {
    await migrations.write(name, await readFile(join(migrations.path, name), 'utf8'))
  }
  return JSON.parse(out) as Result
}

async function migrate(url: string, migrations: MigrationDirectory, ...args: string[]) {
  const { err, exitCode } = await runCommand(['migrate', ...args, '--dir', migrations.path], {
    environment: { DIRECT_URL: url },
  })
  expect(err).toBe('')
  expect(exitCode).toBe(0)
}

describe('what optimize writes', { timeout: 300_000 }, () => {
  test('goes up with its proof, and is taken back exactly', async () => {
    await using migrations = await migrationDirectory()
    const rules = 'auth_rls_initplan,policy_function_initplan'
    const owner = await database.connect(database.ownerUrl)
    const before = await policiesOf(owner)
    await writeFor(database.ownerUrl, migrations, rules)
    await migrate(database.ownerUrl, migrations, 'up')
    const after = await policiesOf(owner)
    expect(after.find(({ name }) => name === 'Admins manage bookings')).toMatchObject({
      using: '( SELECT public.is_admin() AS is_admin)',
      check: '( SELECT public.is_admin() AS is_admin)',
    })
    expect(after.map(withoutPredicates)).toEqual(before.map(withoutPredicates))

    // Nothing is left to do.
    const again = await writeFor(database.ownerUrl, migrations, rules)
    expect(again).toMatchObject({ written: [], skipped: [] })

    await migrate(database.ownerUrl, migrations, 'down', '99')
    expect(await policiesOf(owner)).toEqual(before)
  })

  test('creates the helper of a membership function first, and drops it last', async () => {
    await using migrations = await migrationDirectory()
    const small = await createDatabase()
    try {
      const owner = await small.connect(small.ownerUrl)
      await owner.query(membershipSchema)
      const before = await policiesOf(owner)
      const { written } = await writeFor(small.ownerUrl, migrations, 'policy_membership_function')
      expect(written.map(({ file }) => basename(file).slice(18))).toEqual([
        'create-key-functions-of-private.ts',
        'rewrite-docs-policies.ts',
      ])
      await migrate(small.ownerUrl, migrations, 'up')
      expect((await policiesOf(owner)).map(({ using }) => using)).toEqual([
        '(org_id = ANY (( SELECT private.is_member_org_ids() AS is_member_org_ids)::uuid[]))',
      ])
      await migrate(small.ownerUrl, migrations, 'down', '99')
      expect(await policiesOf(owner)).toEqual(before)
      const { rows } = await owner.query(`SELECT FROM pg_namespace WHERE nspname = 'private'`)
      expect(rows).toEqual([])
    } finally {
      await small.drop()
    }
  })
})

const membershipSchema = `
  CREATE SCHEMA auth;
  GRANT USAGE ON SCHEMA auth TO anon, authenticated;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  CREATE TABLE members (org_id uuid NOT NULL, user_id uuid NOT NULL);
  INSERT INTO members SELECT md5('org' || o)::uuid, md5('user' || u)::uuid
    FROM generate_series(1, 6) o, generate_series(1, 9) u WHERE (o + u) % 3 = 0;
  CREATE TABLE docs (id int PRIMARY KEY, org_id uuid);
  INSERT INTO docs SELECT n, md5('org' || n % 8)::uuid FROM generate_series(1, 100) n;
  INSERT INTO docs VALUES (101, NULL);
  CREATE INDEX ON docs (org_id);
  GRANT SELECT ON docs TO authenticated;
  CREATE FUNCTION is_member(org uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS
    $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org AND m.user_id = auth.uid()) $$;
  ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
  CREATE POLICY "members read" ON docs FOR SELECT TO authenticated USING (is_member(org_id));
  ANALYZE;
`

/** What no rewrite may change. */
function withoutPredicates(policy: Record<string, unknown>) {
  return { ...policy, using: '', check: '' }
}

/** Every policy of the database as PostgreSQL prints it. */
async function policiesOf(client: Client) {
  await client.query(`SET search_path = ''`)
  const { rows } = await client.query<{
    table: string
    name: string
    using: string | null
    check: string | null
  }>(
    `SELECT polrelid::regclass::text AS table, polname AS name, polcmd,
       polpermissive, polroles, pg_get_expr(polqual, polrelid) AS using, pg_get_expr(polwithcheck, polrelid) AS check
     FROM pg_policy ORDER BY 2, 3`,
  )
  return rows
}
