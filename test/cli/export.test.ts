import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { batchedMigration, sqlMigration } from '../support/migrationFiles.ts'

let database: TestDatabase
let project: string

beforeAll(async () => {
  database = await createDatabase()
  const client = await database.connect()
  await client.query(`
    CREATE TABLE public.a (id bigint PRIMARY KEY, b bigint NOT NULL REFERENCES public.a);
    INSERT INTO public.a SELECT n, n FROM generate_series(1, 20000) AS n;
    ANALYZE public.a
  `)
})
afterAll(() => database.drop())
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'project-'))
})
afterEach(() => rm(project, { recursive: true }))

function call(...args: string[]) {
  return callCommand(args, { environment: { DIRECT_URL: database.url }, directory: project })
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(project, path, '..'), { recursive: true })
  await writeFile(join(project, path), text)
}

/** Every file of the project, but those that the test put there. */
async function filesBut(...own: string[]): Promise<string[]> {
  const entries = await readdir(project, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files
    .map((entry) => join(entry.parentPath, entry.name).slice(project.length + 1))
    .filter((path) => !own.includes(path))
    .sort()
}

const comment = sqlMigration({
  up: [`COMMENT ON TABLE public.a IS 'new'`],
  down: [`COMMENT ON TABLE public.a IS NULL`],
})
const ours = 'migrations/20261130120000000_comment-a.ts'

describe('export', () => {
  test('writes the pending migrations, and not a second time', async () => {
    await write(ours, comment)
    const first = await call('export', '--format', 'prisma', '--yes')
    expect(first).toMatchObject({ exitCode: 0, err: '' })
    const files = await filesBut(ours)
    expect(files).toEqual([
      expect.stringMatching(/^prisma\/hundredfold\/\d{14}_comment_a\.down\.sql$/),
      expect.stringMatching(/^prisma\/migrations\/\d{14}_comment_a\/migration\.sql$/),
      'prisma/migrations/migration_lock.toml',
    ])
    expect(first.out).toContain('npx prisma migrate deploy')

    const second = await call('export', '--format', 'prisma', '--yes', '--json', '-')
    expect(JSON.parse(second.out)).toMatchObject({
      command: 'export',
      written: [],
      skipped: [{ migration: '20261130120000000_comment-a' }],
    })
    expect(await filesBut(ours)).toEqual(files)
  })

  test('numbers its files after those that are there, also if their time is to come', async () => {
    await write(ours, comment)
    await write('supabase/migrations/29991231235958_later.sql', '')
    await write('supabase/migrations/README.md', '')
    expect(await call('export', '--format', 'supabase', '--yes')).toMatchObject({ exitCode: 0 })
    expect(await readdir(join(project, 'supabase/migrations'))).toContain('29991231235959_comment-a.sql')
  })

  test.each([
    [['V1__init.sql', 'V2__more.sql'], 'V3__comment_a.sql'],
    [['V29991231235958__init.sql'], 'V29991231235959__comment_a.sql'],
  ])('counts versions of Flyway on: %j', async (there, expected) => {
    await write(ours, comment)
    for (const name of there) await write(`sql/${name}`, '')
    await call('export', '--format', 'flyway', '--out', 'sql', '--yes')
    expect(await readdir(join(project, 'sql'))).toContain(expected)
  })

  test('writes code as the project does: TypeScript, ECMAScript modules, CommonJS', async () => {
    await write(ours, comment)
    const out = (name: string) => ['export', '--format', 'knex', '--out', name, '--yes']
    await write('typescript/20200101000000_first.ts', 'export {}')
    await call(...out('typescript'))
    await write('modules/package.json', '{"type":"module"}')
    await call(...out('modules/migrations'))
    await call(...out('plain'))
    const heads: string[] = []
    for (const folder of ['typescript', 'modules/migrations', 'plain']) {
      const name = (await readdir(join(project, folder))).find((each) => each.includes('comment')) ?? ''
      const text = await readFile(join(project, folder, name), 'utf8')
      heads.push(`${name.slice(14)}: ${text.split('\n').find((line) => line.includes('up')) ?? ''}`)
    }
    expect(heads).toEqual([
      '_comment_a.ts: export async function up(knex: Knex): Promise<void> {',
      '_comment_a.js: export async function up(knex) {',
      '_comment_a.js: exports.up = async function(knex) {',
    ])
  })

  test('says that nothing is pending', async () => {
    await mkdir(join(project, 'migrations'))
    const { exitCode, out } = await call('export', '--format', 'sql', '--yes')
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: 'Nothing is pending.\n' })
  })

  test('writes nothing without --yes where nobody can be asked', async () => {
    await write(ours, comment)
    const { exitCode, err } = await call('export', '--format', 'sql')
    expect(exitCode).toBe(5)
    expect(err).toContain('--yes')
    expect(await filesBut(ours)).toEqual([])
  })

  test.each([
    [
      'a statement in batches',
      batchedMigration({
        up: [
          {
            table: { schema: 'public', name: 'a' },
            key: ['id'],
            sql: 'UPDATE public.a SET b = 1 WHERE {batch}',
          },
        ],
        down: [],
      }),
      'batches',
    ],
    [
      'a procedure that commits',
      sqlMigration({ noTransaction: true, up: ['CALL public.move_rows()'], down: [] }),
      'CALL public.move_rows()',
    ],
    [
      'a step of a series',
      sqlMigration({
        up: ['SELECT 1'],
        down: [],
        optimization: `{ why: 'x', rule: 'partition_candidate', series: 's', before: [], after: [] }`,
      }),
      'series',
    ],
  ])('refuses %s with the reason, and writes nothing', async (_, text, reason) => {
    await write(ours, text)
    const { exitCode, err } = await call('export', '--format', 'sql', '--yes')
    expect(exitCode).toBe(5)
    expect(err).toContain('20261130120000000_comment-a')
    expect(err).toContain(reason)
    expect(err).toContain('migrate up')
    expect(await filesBut(ours)).toEqual([])
  })

  test('refuses what the tool would read differently, and names the tool', async () => {
    await write(
      ours,
      sqlMigration({ up: [`COMMENT ON TABLE public.a IS '--> statement-breakpoint'`], down: [] }),
    )
    const { exitCode, err } = await call('export', '--format', 'drizzle', '--yes')
    expect(exitCode).toBe(5)
    expect(err).toContain('Drizzle would cut it in two')
  })

  test('leaves a file of the same name alone, and writes none of the others', async () => {
    await write(ours, comment)
    await write('sqitch.plan', '%syntax-version=1.0.0\n%project=shop\n\n')
    await write('revert/comment-a.sql', 'mine')
    const { exitCode, err } = await call('export', '--format', 'sqitch', '--yes')
    expect(exitCode).toBe(5)
    expect(err).toContain('revert/comment-a.sql is there already')
    expect(await filesBut(ours)).toEqual(['revert/comment-a.sql', 'sqitch.plan'])
    expect(await readFile(join(project, 'sqitch.plan'), 'utf8')).not.toContain('comment-a')
  })

  test.each(['a file', '/dev/null/none'])('says which place it cannot write to: %s', async (out) => {
    await write(ours, comment)
    await write('a file', '')
    const { exitCode, err } = await call('export', '--format', 'sql', '--out', out, '--yes')
    expect(exitCode).toBe(5)
    expect(err).toContain(out)
    expect(err).toContain('--out')
    expect(await filesBut(ours, 'a file')).toEqual([])
  })

  test('does not mix the files of the tool with ours', async () => {
    await write(ours, comment)
    const { exitCode, err } = await call('export', '--format', 'knex', '--yes')
    expect(exitCode).toBe(5)
    expect(err).toContain('--out')
  })

  test.each([
    ['drizzle', 'drizzle/meta/_journal.json', '{', '_journal.json is not a journal of Drizzle'],
    ['drizzle', 'drizzle/20200101_x/migration.sql', '', 'drizzle-kit 1'],
    ['graphile', 'migrations2/committed/000001-x.sql', 'SELECT 1;', 'no line "--! Hash:"'],
  ])('names what it cannot continue of %s: %s', async (format, path, text, message) => {
    await write(ours, comment)
    await write(path, text)
    const out = path.split('/')[0] as string
    const { exitCode, err } = await call('export', '--format', format, '--out', out, '--yes')
    expect(exitCode).toBe(5)
    expect(err).toContain(message)
    expect(await filesBut(ours, path)).toEqual([])
  })

  test('Ctrl-C leaves no file behind, and a plan as it was', async () => {
    await write(ours, comment)
    const plan = '%syntax-version=1.0.0\n%project=shop\n\n'
    await write('sqitch.plan', plan)
    const { exitCode } = await callCommand(['export', '--format', 'sqitch', '--yes'], {
      ...{ environment: { DIRECT_URL: database.url }, directory: project, signal: AbortSignal.abort() },
    })
    expect(exitCode).toBe(1)
    expect(await filesBut(ours)).toEqual(['sqitch.plan'])
    expect(await readFile(join(project, 'sqitch.plan'), 'utf8')).toBe(plan)
  })
})

describe('optimize --format and verify', () => {
  const optimize = ['optimize', '--rules', 'unindexed_foreign_keys', '--format', 'supabase', '--yes']

  test('write a change once, and check its conditions before and after', async () => {
    const first = await call(...optimize)
    expect(first).toMatchObject({ exitCode: 0 })
    const files = await filesBut()
    const [conditions, , migration] = files as [string, string, string]
    expect(files).toEqual([
      expect.stringMatching(/^supabase\/hundredfold\/\d{14}_create-a-b-idx\.conditions\.json$/),
      expect.stringMatching(/^supabase\/hundredfold\/\d{14}_create-a-b-idx\.down\.sql$/),
      expect.stringMatching(/^supabase\/migrations\/\d{14}_create-a-b-idx\.sql$/),
    ])
    expect(first.out).toContain(`verify --before ${conditions}`)

    const second = await call(...optimize)
    expect(second.out).toContain(migration)
    expect(await filesBut()).toEqual(files)

    const results: Record<string, unknown> = {}
    const look = async (when: string) => {
      const before = await call('verify', '--before', conditions)
      const after = await call('migrate', 'verify', '--after', conditions)
      results[when] = [before.exitCode, after.exitCode]
    }
    const psql = (file: string) =>
      promisify(execFile)('psql', [
        '-X',
        '-q',
        '-v',
        'ON_ERROR_STOP=1',
        '-d',
        database.url,
        '-f',
        join(project, file),
      ])
    await look('at first')
    await psql(migration)
    await look('after it')
    await psql(files[1] as string)
    await look('taken back')
    expect(results).toEqual({ 'at first': [0, 2], 'after it': [2, 0], 'taken back': [0, 2] })
  })

  test('verify reads the conditions of a migration file too', async () => {
    await write(
      ours,
      sqlMigration({
        up: [],
        down: [],
        imports: `import { tableExists } from 'hundredfold'`,
        optimization: `{ why: 'x', rule: 'y', before: [tableExists({ schema: 'public', name: 'a' })], after: [] }`,
      }),
    )
    const { exitCode, out } = await call('verify', '--before', ours)
    expect(exitCode).toBe(0)
    expect(out).toContain('table public.a exists')
  })

  test.each([
    ['nothing.json', undefined, 'Cannot read nothing.json'],
    ['text.json', 'x', 'text.json is no file of conditions'],
    ['other.json', '{"schemaVersion":2}', 'schemaVersion'],
    [
      'unknown.json',
      '{"schemaVersion":1,"migration":"m","before":[{"condition":"toString","args":[]}],"after":[]}',
      'a condition "toString", which this version does not know',
    ],
    [
      'arguments.json',
      '{"schemaVersion":1,"migration":"m","before":[{"condition":"indexIsValid","args":[]}],"after":[]}',
      'calls indexIsValid with arguments that it does not take',
    ],
    ['plain.mjs', 'export const a = 1', 'no export `optimization`'],
  ])('verify says what is wrong with %s', async (file, text, message) => {
    if (text !== undefined) await write(file, text)
    const { exitCode, err } = await call('verify', '--before', file)
    expect(exitCode).toBe(5)
    expect(err).toContain(message)
  })

  test('verify wants one of --before and --after', async () => {
    expect((await call('verify')).exitCode).toBe(5)
    expect((await call('verify', '--before', 'a', '--after', 'b')).exitCode).toBe(5)
  })
})
