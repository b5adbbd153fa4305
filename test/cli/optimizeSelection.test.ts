import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { callCommand, runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

interface Result {
  written: { file: string; rule: string; key: string }[]
  skipped: { key: string; rule: string; reason: string }[]
  failed: { rule: string; reason: string }[]
}

let database: TestDatabase
let owner: Client
let superuser: Client
let folder: string

const many = 'unindexed_foreign_keys public.many.many_parent_fkey'
const few = 'unindexed_foreign_keys public.few.few_parent_fkey'
const empty = 'unindexed_foreign_keys public.empty.empty_parent_fkey'
const shared = 'unindexed_foreign_keys public.notes.notes_owner_fkey'

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  superuser = await database.connect()
  await owner.query(`
    CREATE SCHEMA auth;
    GRANT USAGE ON SCHEMA auth TO authenticated;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE SET search_path = '' AS
      $$ SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
    CREATE TABLE parent (id int PRIMARY KEY);
    INSERT INTO parent VALUES (1);
    CREATE TABLE many (parent int CONSTRAINT many_parent_fkey REFERENCES parent);
    INSERT INTO many SELECT 1 FROM generate_series(1, 6000);
    CREATE TABLE few (parent int CONSTRAINT few_parent_fkey REFERENCES parent);
    INSERT INTO few VALUES (1);
    CREATE TABLE empty (parent int CONSTRAINT empty_parent_fkey REFERENCES parent);
    CREATE TABLE people (id uuid PRIMARY KEY);
    CREATE TABLE notes (a int, b int, c int, owner uuid CONSTRAINT notes_owner_fkey REFERENCES people);
    GRANT SELECT, UPDATE ON notes TO authenticated;
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY readers ON notes FOR SELECT TO authenticated USING (owner = auth.uid());
    CREATE POLICY writers ON notes FOR UPDATE TO authenticated USING (owner = auth.uid() OR current_setting('app.all') = 'on');
    CREATE TABLE narrow (id int PRIMARY KEY);
    ALTER TABLE narrow ENABLE ROW LEVEL SECURITY;
    CREATE POLICY narrow ON narrow USING (id = 1);
    CREATE SEQUENCE counter`)
})
afterAll(() => database.drop())

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'optimize-'))
  return () => rmSync(folder, { recursive: true, force: true })
})

async function optimize(...args: string[]) {
  // Whether somebody can be asked is for a process of its own to say.
  const run = args.includes('--yes') ? callCommand : runCommand
  const { exitCode, out, err } = await run(['optimize', '--json', '-', ...args], {
    directory: folder,
    environment: { DIRECT_URL: database.ownerUrl },
  })
  if (out === '') throw new Error(err)
  return { exitCode, err, result: JSON.parse(out) as Result }
}

function ignore(...entries: object[]): void {
  mkdirSync(join(folder, '.hundredfold'))
  writeFileSync(join(folder, '.hundredfold/ignore.yaml'), JSON.stringify(entries))
}

function files(): string[] {
  const directory = join(folder, 'migrations')
  return existsSync(directory) ? readdirSync(directory) : []
}

function reasons({ skipped }: Result): Record<string, string> {
  return Object.fromEntries(skipped.map(({ key, reason }) => [key, reason]))
}

const keys = ({ written }: Result): string[] => written.map(({ key }) => key)

describe('where nobody can be asked', () => {
  test('nothing is written without --yes; the command says so and ends with 5', async () => {
    const { exitCode, err, result } = await optimize('--rules', 'unindexed_foreign_keys')
    expect(exitCode).toBe(5)
    expect(err).toContain(
      'Nothing was written: there is no terminal on which to ask whether 1 migration may go',
    )
    expect(err).toContain('Run it again with --yes')
    expect(files()).toEqual([])
    expect(result.written).toEqual([])
    expect(reasons(result)[many]).toBe('nobody could be asked; --yes writes it')
  })

  test('with --yes it is written', async () => {
    const { exitCode, result } = await optimize('--rules', 'unindexed_foreign_keys', '--yes')
    expect(exitCode).toBe(0)
    expect(keys(result)).toEqual([many])
    expect(files()).toHaveLength(1)
  })

  test('nothing is asked where there is nothing to write', async () => {
    const { exitCode } = await optimize('--rules', 'invalid_index')
    expect(exitCode).toBe(0)
  })
})

describe('a level', () => {
  test('leaves out what gains little, one line a rule for people and one finding each in the document', async () => {
    const { err, result } = await optimize('--rules', 'unindexed_foreign_keys', '--yes')
    expect(keys(result)).toEqual([many])
    expect(reasons(result)).toMatchObject({
      [few]: 'info, below --level warn: on tables of at most 128 kB',
      [empty]: 'info, below --level warn: on tables that are empty here',
    })
    expect(err).toContain('skipped  1 of unindexed_foreign_keys on tables of at most 128 kB (info)\n')
    expect(err).toContain('skipped  2 of unindexed_foreign_keys on tables that are empty here (info)\n')
    expect(err).toContain('Below --level warn: 3; --level info includes them, --json FILE lists each.')
    expect(err).not.toContain(few)
  })

  test('keeps the reason why a finding below it has no migration', async () => {
    await owner.query(`CREATE FUNCTION public.follows() RETURNS int LANGUAGE sql AS 'SELECT 1'`)
    const { err, result } = await optimize('--rules', 'function_search_path_mutable')
    await owner.query('DROP FUNCTION public.follows()')
    expect(reasons(result)).toEqual({
      'function_search_path_mutable public.follows.""':
        "public.follows() has its caller's rights, so there is little to gain from a search_path of its own",
    })
    expect(err).toContain(
      "1 of function_search_path_mutable on functions with their caller's rights (info)\n",
    )
  })

  test('of info includes them', async () => {
    const { result } = await optimize('--rules', 'unindexed_foreign_keys', '--level', 'info', '--yes')
    expect(keys(result).sort()).toEqual([empty, few, many, shared].sort())
  })

  test('of error leaves out warnings too', async () => {
    const { result } = await optimize('--rules', 'unindexed_foreign_keys', '--level', 'error', '--yes')
    expect(result.written).toEqual([])
    expect(reasons(result)[many]).toBe('warn, below --level error')
  })

  test('says that a migration fixes a smaller finding too', async () => {
    const rules = 'unindexed_foreign_keys,unindexed_policy_column'
    const { result } = await optimize('--rules', rules, '--yes')
    expect(keys(result)).toEqual(
      expect.arrayContaining([shared, 'unindexed_policy_column public.notes.owner']),
    )
    expect(files()).toHaveLength(2)
  })

  test('that does not exist is refused', async () => {
    const { exitCode, err } = await callCommand(['optimize', '--level', 'panic'])
    expect(exitCode).toBe(5)
    expect(err).toContain('Allowed choices are info, warn, error')
  })
})

describe('the ignore file', () => {
  const entry = { rule: 'unindexed_foreign_keys', subject: 'public.many.*', reason: 'rows are never deleted' }

  test('ignores a finding, with its reason and the day on which it expires', async () => {
    ignore({ ...entry, expires: '2999-01-31' })
    const { exitCode, result } = await optimize('--rules', 'unindexed_foreign_keys', '--yes')
    expect(exitCode).toBe(0)
    expect(result.written).toEqual([])
    expect(reasons(result)[many]).toBe(
      '.hundredfold/ignore.yaml leaves it until 2999-01-31: rows are never deleted',
    )
  })

  test('ignores nothing because of an expired entry', async () => {
    ignore({ ...entry, expires: '2020-01-31' })
    const { result } = await optimize('--rules', 'unindexed_foreign_keys', '--yes')
    expect(keys(result)).toEqual([many])
  })

  test('leaves one policy of a table, and the migration alters the others', async () => {
    ignore({ rule: 'auth_rls_initplan', subject: 'public.notes.readers', reason: 'wanted so' })
    const { result } = await optimize('--rules', 'auth_rls_initplan', '--yes')
    expect(keys(result)).toEqual(['auth_rls_initplan public.notes.writers'])
    const [file] = files()
    const text = readFileSync(join(folder, 'migrations', file ?? ''), 'utf8')
    expect(text).toMatch(/alterPolicy\(\s*table,\s*'writers'/)
    expect(text).not.toMatch(/alterPolicy\(\s*table,\s*'readers'/)
    expect(text).toMatch(/Policy readers stays as it is: [^.]*\.hundredfold\/ignore\.yaml ignores it/)
  })

  test('leaves a policy whole where another rule would fix the ignored finding with its own', async () => {
    await owner.query(`CREATE FUNCTION public.is_open() RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = '' AS
        $$ BEGIN RETURN true; END $$;
      CREATE POLICY twice ON notes FOR DELETE TO authenticated USING (owner = auth.uid() AND public.is_open())`)
    ignore({ rule: 'policy_function_initplan', subject: '*', reason: 'wanted so' })
    const { result } = await optimize('--rules', 'auth_rls_initplan,policy_function_initplan', '--yes')
    await owner.query('DROP POLICY twice ON notes; DROP FUNCTION public.is_open()')
    expect(keys(result).sort()).toEqual([
      'auth_rls_initplan public.notes.readers',
      'auth_rls_initplan public.notes.writers',
    ])
    expect(reasons(result)['auth_rls_initplan public.notes.twice']).toBe(
      'its migration also fixes policy_function_initplan, which .hundredfold/ignore.yaml ignores; --rules auth_rls_initplan writes this one alone',
    )
  })

  test('that is not understood is refused', async () => {
    ignore({ rule: 'unindexed_foreign_keys', subject: '*' })
    const { exitCode, err } = await callCommand(['optimize', '--yes'], {
      directory: folder,
      environment: { DIRECT_URL: database.ownerUrl },
    })
    expect(exitCode).toBe(5)
    expect(err).toContain('.hundredfold/ignore.yaml, entry 1, reason')
  })
})

test('a rule that cannot see is skipped with its reason, and the others go on', async () => {
  await superuser.query('REVOKE SELECT ON pg_catalog.pg_sequence FROM PUBLIC')
  const { exitCode, result } = await optimize(
    '--rules',
    'sequence_exhaustion,unindexed_foreign_keys',
    '--yes',
  )
  await superuser.query('GRANT SELECT ON pg_catalog.pg_sequence TO PUBLIC')
  expect(exitCode).toBe(0)
  expect(keys(result)).toEqual([many])
  expect(reasons(result)['sequence_exhaustion']).toMatch(/^the role may not see it: permission denied/)
})

describe('a rule that fails is named with its message, the others go on, and the exit code is 1', () => {
  /** A policy whose expression names a column that its table does not have, as after damage to the catalog. */
  async function damaged<T>(run: () => Promise<T>): Promise<T> {
    await superuser.query(`BEGIN; SET LOCAL allow_system_table_mods = on;
      UPDATE pg_policy SET polqual = (SELECT polqual FROM pg_policy WHERE polname = 'readers')
      WHERE polname = 'narrow'; COMMIT`)
    try {
      return await run()
    } finally {
      await superuser.query(`DROP POLICY narrow ON narrow; CREATE POLICY narrow ON narrow USING (id = 1)`)
    }
  }
  const message = /The rule auth_rls_initplan failed: invalid attnum 4 for relation "narrow"/

  test('in optimize', async () => {
    const { exitCode, err, result } = await damaged(() =>
      optimize('--rules', 'auth_rls_initplan,unindexed_foreign_keys', '--yes'),
    )
    expect(exitCode).toBe(1)
    expect(err).toMatch(message)
    expect(result.failed).toEqual([
      { rule: 'auth_rls_initplan', reason: 'invalid attnum 4 for relation "narrow"' },
    ])
    expect(keys(result)).toEqual([many])
    expect(files()).toHaveLength(1)
  })

  test('in diagnose', async () => {
    const { exitCode, err, out } = await damaged(() =>
      callCommand(['diagnose', '--json', '-', '--rules', 'auth_rls_initplan,unindexed_foreign_keys'], {
        directory: folder,
        environment: { DIRECT_URL: database.ownerUrl },
      }),
    )
    expect(exitCode).toBe(1)
    expect(err).toMatch(message)
    const report = JSON.parse(out) as {
      findings: { key: string }[]
      sections: { id: string; status: string }[]
    }
    expect(report.findings.map(({ key }) => key)).toContain(many)
    expect(report.sections.find(({ id }) => id === 'rule/auth_rls_initplan')).toMatchObject({
      status: 'failed',
    })
    expect(readdirSync(folder)).toHaveLength(1)
  })
})
