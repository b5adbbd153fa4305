import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readFingerprint } from '../../../src/fingerprint/fingerprint.ts'
import type { AccessMatrix } from '../../../src/policies/access/matrix.ts'
import { compareAccess } from '../../../src/policies/access/matrix.ts'
import { testPolicies } from '../../../src/policies/access/testPolicies.ts'
import { createAuthPlatform } from '../../support/authPlatform.ts'
import { callCommand } from '../../support/commandLine.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
let owner: Client
let directory: string

beforeAll(async () => {
  database = await createDatabase()
  const superuser = await database.connect()
  await createAuthPlatform(superuser)
  await superuser.query(`INSERT INTO auth.users SELECT md5(n::text)::uuid FROM generate_series(1, 5) n`)
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE TABLE public.teams (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE public.members (team_id int REFERENCES public.teams, user_id uuid REFERENCES auth.users, PRIMARY KEY (team_id, user_id));
    CREATE TABLE public.notes (id int PRIMARY KEY, team_id int NOT NULL REFERENCES public.teams, author_id uuid NOT NULL REFERENCES auth.users, body text);
    CREATE TABLE public.secrets (id int PRIMARY KEY, value text);
    CREATE TABLE public.settings (id int PRIMARY KEY, value text, hidden text);
    CREATE TABLE public.empty (id int PRIMARY KEY, owner_id uuid);
    CREATE TABLE public.fails (id int PRIMARY KEY, value text);
    CREATE TABLE public.guarded (id int PRIMARY KEY, value text);
    INSERT INTO public.teams VALUES (1, 'a'), (2, 'b');
    INSERT INTO public.members SELECT 1 + n % 2, md5(n::text)::uuid FROM generate_series(1, 4) n;
    INSERT INTO public.notes SELECT n, 1 + n % 2, md5(n::text)::uuid, 'text' FROM generate_series(1, 4) n;
    INSERT INTO public.secrets VALUES (1, 'x'); INSERT INTO public.settings VALUES (1, 'x', 'y'); INSERT INTO public.fails VALUES (1, 'no number');
    INSERT INTO public.guarded VALUES (1, 'x');
    CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON public.guarded FOR EACH ROW EXECUTE FUNCTION public.refuse();
    CREATE FUNCTION public.in_team(team int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
      'SELECT EXISTS (SELECT FROM public.members m WHERE m.team_id = team AND m.user_id = auth.uid())';
    DO $$ DECLARE name text; BEGIN
      FOREACH name IN ARRAY ARRAY['teams', 'members', 'notes', 'secrets', 'settings', 'empty', 'fails', 'guarded'] LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
      END LOOP; END $$;
    CREATE POLICY own ON public.notes TO authenticated USING (author_id = (SELECT auth.uid()));
    CREATE POLICY team ON public.notes FOR SELECT TO authenticated USING (public.in_team(team_id));
    CREATE POLICY own ON public.empty TO authenticated USING (owner_id = (SELECT auth.uid()));
    CREATE POLICY everybody ON public.settings FOR SELECT TO anon, authenticated USING (true);
    CREATE POLICY number ON public.fails FOR SELECT TO anon USING (value::int > 0);
    REVOKE ALL ON public.settings FROM anon, authenticated;
    GRANT SELECT (id, value), UPDATE (value) ON public.settings TO authenticated; GRANT SELECT ON public.settings TO anon`)
  directory = await mkdtemp(join(tmpdir(), 'policies-'))
})
afterAll(async () => {
  await rm(directory, { recursive: true })
  await database.drop()
})

/** `own: select insert update delete` -> what was answered, for one table and role. */
function linesOf({ lines }: AccessMatrix, table: string, role: string): Record<string, string> {
  return Object.fromEntries(
    lines
      .filter((line) => line.table === `public.${table}` && line.role === role)
      .map(({ row, unknown, answers }) => [
        unknown ? `${row}, unknown` : row,
        [answers.select, answers.insert, answers.update, answers.delete].join(' '),
      ]),
  )
}

describe('who may do what', () => {
  let matrix: AccessMatrix
  beforeAll(async () => void (matrix = await testPolicies(owner)))

  it('tells a row of one’s own from a colleague’s and a stranger’s', () => {
    expect(linesOf(matrix, 'notes', 'authenticated')).toEqual({
      own: 'yes yes yes yes',
      colleague: 'yes no no no',
      stranger: 'no no no no',
      'stranger, unknown': 'no no no no',
    })
    expect(linesOf(matrix, 'notes', 'anon')).toMatchObject({ own: 'no no no no', stranger: 'no no no no' })
  })

  it('tries tables without policies, and those in which no row is anybody’s', () => {
    expect(linesOf(matrix, 'secrets', 'authenticated')).toEqual({
      any: 'no no no no',
      'any, unknown': 'no no no no',
    })
  })

  it('tells a privilege that is missing from a row that does not pass', () => {
    expect(linesOf(matrix, 'settings', 'authenticated')['any']).toBe('yes no grant no no grant')
    expect(linesOf(matrix, 'settings', 'anon')['any']).toBe('yes no grant no grant no grant')
  })

  it('says which kinds of rows are not there', () => {
    expect(linesOf(matrix, 'empty', 'authenticated')['own']).toBe('no row no row no row no row')
    expect(matrix.notes.join()).toContain('public.empty')
  })

  it('says with which error a policy fails', () => {
    expect(linesOf(matrix, 'fails', 'anon')['any']).toMatch(/^error 22P02 no/)
  })

  it('takes what a trigger raises before the policies for no answer of theirs', () => {
    expect(linesOf(matrix, 'guarded', 'authenticated')['any']).toBe('no error 23514 no no')
  })

  it('leaves nothing behind', async () => {
    const rows = async () =>
      (await owner.query(`SELECT array_agg(n ORDER BY n) AS notes FROM public.notes n`)).rows
    const before = { text: (await readFingerprint(owner)).text, rows: await rows() }
    expect(await testPolicies(owner)).toEqual(matrix)
    expect({ text: (await readFingerprint(owner)).text, rows: await rows() }).toEqual(before)
  })

  it('finds what another policy lets through', async () => {
    await owner.query(`CREATE POLICY leak ON public.notes FOR SELECT TO anon USING (true)`)
    const changes = compareAccess(matrix, await testPolicies(owner))
    await owner.query(`DROP POLICY leak ON public.notes`)
    expect(
      new Set(
        changes.map(({ table, role, command, before, now }) => [table, role, command, before, now].join(' ')),
      ),
    ).toEqual(new Set(['public.notes anon select no yes']))
  })
})

describe('the command', () => {
  const call = (...args: string[]) =>
    callCommand(['policies', 'test', ...args], {
      environment: { DIRECT_URL: database.ownerUrl },
      directory,
    })

  it('saves the answers, and says with 4 what differs from them later', async () => {
    expect(await call('--save', 'policies.json', '--html', 'access.html')).toMatchObject({ exitCode: 0 })
    expect(await readFile(join(directory, 'access.html'), 'utf8')).toContain('public.notes')
    expect(await readFile(join(directory, 'policies.json'), 'utf8')).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/)
    expect(await call('--check', 'policies.json')).toMatchObject({ exitCode: 0 })
    await owner.query(`DROP POLICY team ON public.notes`)
    const { exitCode, out } = await call('--check', 'policies.json')
    expect(exitCode).toBe(4)
    expect(out).toContain("public.notes: SELECT as authenticated, a colleague's: yes -> no")
  })

  it('refuses a file of something else', async () => {
    await writeFile(join(directory, 'other.json'), '{}')
    expect(await call('--check', 'other.json')).toMatchObject({ exitCode: 5 })
    expect(await call('--check', 'missing.json')).toMatchObject({ exitCode: 5 })
  })
})
