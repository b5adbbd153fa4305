import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { plan } from '../../src/migrate/plan.ts'
import { planMarkdown } from '../../src/report/planMarkdown.ts'
import { runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase, urlOf } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { batchedMigration, migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { runUp } from './run.ts'

let database: TestDatabase
let owner: Client
let files: MigrationDirectory

const imports = `import { indexIsAbsent, indexIsValid, tableExists } from 'hundredfold'
const index = { schema: 'public', name: 'bookings_status_idx' }`

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  owner = await database.connect(database.ownerUrl)
  await owner.query(
    `CREATE TABLE public.bookings AS SELECT id, 'open' AS status FROM generate_series(1, 1000) id; ANALYZE public.bookings`,
  )
  files = await migrationDirectory({
    '20260101000000000_create-index.ts': sqlMigration({
      up: ['CREATE INDEX CONCURRENTLY bookings_status_idx ON public.bookings (status)'],
      down: ['DROP INDEX CONCURRENTLY public.bookings_status_idx'],
      noTransaction: true,
      imports,
      optimization: `{ why: 'Open bookings are looked up by status.', rule: 'missing_index',
        before: [tableExists({ schema: 'public', name: 'bookings' }), indexIsAbsent(index)], after: [indexIsValid(index)] }`,
    }),
    '20260102000000000_add-note.ts': sqlMigration({
      up: ['ALTER TABLE public.bookings ADD note text'],
      down: ['ALTER TABLE public.bookings DROP note'],
      imports,
      optimization: `{ why: 'A note.', rule: 'test', before: [tableExists({ schema: 'public', name: 'elsewhere' })], after: [] }`,
    }),
  })
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await database.drop()
})

test('the plan has SQL, locks, sizes, conditions and reversibility, and writes nothing', async () => {
  const before = await readFingerprint(owner, { except: [] })
  const { migrations, drift, notCopied } = await plan(await loadMigrations(files.path), {}, owner)
  expect({ drift, notCopied }).toEqual({ drift: [], notCopied: [] })
  expect(migrations).toMatchObject([
    {
      name: '20260101000000000_create-index',
      rule: 'missing_index',
      transactional: false,
      sql: {
        up: ['CREATE INDEX CONCURRENTLY bookings_status_idx ON public.bookings (status)'],
        down: ['DROP INDEX CONCURRENTLY public.bookings_status_idx'],
      },
      reversible: true,
      proven: true,
      objects: [{ schema: 'public', name: 'bookings', kind: 'table', rows: 1000 }],
      conditions: [
        { phase: 'before', holds: true },
        { phase: 'before', holds: true },
        { phase: 'after', holds: false },
      ],
    },
    {
      name: '20260102000000000_add-note',
      transactional: true,
      conditions: [{ phase: 'before', holds: false, actual: 'no such table' }],
    },
  ])
  const locks = migrations.map(({ locks: taken }) =>
    taken
      .filter(({ direction }) => direction === 'up')
      .map(({ relation, mode, blocks }) => [relation, mode, blocks]),
  )
  expect(locks).toEqual([
    [['public.bookings', 'ShareUpdateExclusiveLock', 'schema changes and vacuum']],
    [['public.bookings', 'AccessExclusiveLock', 'reads and writes']],
  ])
  expect((await readFingerprint(owner, { except: [] })).text).toBe(before.text)
})

test('the Markdown is what a reviewer reads', async () => {
  const text = planMarkdown(await plan(await loadMigrations(files.path), { count: 1 }, owner))
  expect(text).toContain('# Migration plan: 1 pending')
  expect(text).toMatch(/\| migration .*\| strongest lock .*\| +rows \| reversible \|/)
  expect(text).toMatch(/\| ShareUpdateExclusiveLock on public\.bookings \| 1,000 \| proven +\|/)
  expect(text).toMatch(/<details>\n<summary><b>\d{17}_[-\w]+<\/b><\/summary>[^]+<\/details>\n$/)
  expect(text).toContain('Open bookings are looked up by status.')
  expect(text).toContain('- ShareUpdateExclusiveLock on public.bookings: blocks schema changes and vacuum')
  expect(text).toMatch(/\| table public\.bookings \| +1,000 \|/)
  expect(text).toContain('- before: index public.bookings_status_idx is absent: holds')
  expect(text).toContain('**Reversible:** proven')
  expect(text).toContain('- after: index public.bookings_status_idx is valid: not yet (found no such index)')
  expect(text).toContain('**If it fails:**')
  expect(text).toContain('- waits for a lock at most 1 s in one try (--lock-timeout)')
  expect(text).toContain('--build-timeout')
})

test('the overview has the gain that the file expects, and a dash where it expects none', async () => {
  const made = (table: string, gain?: string): string =>
    sqlMigration({
      up: [`CREATE TABLE public.${table} (id integer PRIMARY KEY)`],
      down: [`DROP TABLE public.${table}`],
      optimization: `{ why: 'A test.', rule: 'missing_index', ${gain ? `gain: ${gain}, ` : ''}before: [], after: [] }`,
    })
  await using several = await migrationDirectory({
    '20260101000000000_time-and-space.ts': made('one', '{ msPerHour: 4200, bytes: 8192 }'),
    '20260101000001000_planned.ts': made('two', '{ costBefore: 1000, costAfter: 25 }'),
    '20260101000002000_unknown.ts': made('three'),
  })
  const rows = planMarkdown(await plan(await loadMigrations(several.path), {}, owner)).split('\n')
  const cell = (name: string): string | undefined =>
    rows
      .find((row) => row.includes(`_${name} `))
      ?.split('|')
      .at(-2)
      ?.trim()
  expect(rows.find((row) => row.startsWith('| migration'))).toContain('expected gain')
  expect(cell('time-and-space')).toBe('up to 4.2 s of each hour; up to 8 kB')
  expect(cell('planned')).toBe("planner's cost 97.5 % lower")
  expect(cell('unknown')).toBe('-')
})

test('the overview names the strongest lock of all statements, not of the first', async () => {
  await using several = await migrationDirectory({
    '20260101000000000_analyze-and-add.ts': sqlMigration({
      up: ['ANALYZE public.bookings', 'ALTER TABLE public.bookings ADD extra text'],
      down: ['ALTER TABLE public.bookings DROP extra'],
    }),
  })
  const text = planMarkdown(await plan(await loadMigrations(several.path), {}, owner))
  expect(text).toContain('| AccessExclusiveLock on public.bookings |')
})

test('the command makes the plan as a role that may only read, and leaves nothing behind', async () => {
  const superuser = await database.connect()
  const role = `plan_reader_of_${database.name}`
  await superuser.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'reader'; GRANT SELECT ON public.bookings TO ${role}`,
  )
  try {
    const before = await readFingerprint(superuser, { except: [] })
    const result = await runCommand(['migrate', 'plan', '--dir', files.path, '--json', '-'], {
      environment: { DIRECT_URL: urlOf(database.name, { user: role, password: 'reader' }) },
    })
    expect(result).toMatchObject({ exitCode: 0 })
    expect(JSON.parse(result.out)).toMatchObject({
      command: 'migrate plan',
      migrations: [{ reversible: true, guards: expect.any(Array) as string[] }, {}],
    })
    expect((await readFingerprint(superuser, { except: [] })).text).toBe(before.text)
  } finally {
    await superuser.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
})

test('a role that may only read makes the same plan', async () => {
  const superuser = await database.connect()
  const role = `reader_of_${database.name}`
  await superuser.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'reader'; GRANT SELECT ON public.bookings TO ${role}`,
  )
  const reader = await connect(urlOf(database.name, { user: role, password: 'reader' }))
  try {
    const { migrations } = await plan(await loadMigrations(files.path), {}, reader)
    expect(migrations.map(({ reversible, locks }) => [reversible, locks.length > 0])).toEqual([
      [true, true],
      [false, true],
    ])
    const owned = await superuser.query(
      `SELECT FROM pg_shdepend WHERE refobjid = $1::regrole AND deptype = 'o'`,
      [role],
    )
    expect(owned.rowCount).toBe(0)
  } finally {
    await reader.end()
    await superuser.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
})

test('drift is part of the plan', async () => {
  await using changed = await migrationDirectory({
    '20260101000000000_nothing.ts': sqlMigration({ up: ['SELECT 1'], down: ['SELECT 1'] }),
  })
  await runUp(owner, changed.path)
  await changed.write('20260101000000000_nothing.ts', sqlMigration({ up: ['SELECT 2'], down: ['SELECT 1'] }))
  const { drift } = await plan(await loadMigrations(changed.path), {}, owner)
  expect(drift).toMatchObject([{ name: '20260101000000000_nothing', state: 'changed' }])
  await owner.query('DROP SCHEMA hundredfold CASCADE')
})

test('a statement in batches is shown as its author wrote it, with the key, and is proven in one piece', async () => {
  await owner.query('CREATE TABLE public.reviews (id int PRIMARY KEY, stars int)')
  const sql = 'UPDATE public.reviews AS r SET stars = 0 WHERE r.stars IS NULL AND {batch}'
  const table = { schema: 'public', name: 'reviews' }
  await using written = await migrationDirectory({
    '20260101000000000_fill-stars.ts': batchedMigration({
      up: [{ table, key: ['id'], as: 'r', sql }],
      down: [{ table, key: ['id'], sql: 'UPDATE public.reviews SET stars = NULL WHERE {batch}' }],
    }),
  })
  const planned = await plan(await loadMigrations(written.path), {}, owner)
  expect(planned.migrations).toMatchObject([
    {
      transactional: false,
      reversible: true,
      batches: [
        { direction: 'up', statement: 1, table: 'public.reviews', key: ['id'], sql },
        { direction: 'down', statement: 1, table: 'public.reviews', key: ['id'] },
      ],
    },
  ])
  expect(planMarkdown(planned)).toContain(`\`\`\`sql
${sql}
\`\`\`

- RowExclusiveLock on public.reviews`)
  expect(planMarkdown(planned)).toContain('- runs in batches over (id) of public.reviews')
  await owner.query('DROP TABLE public.reviews')
})

test('the locks of a procedure that commits are those that it takes without its commits', async () => {
  await owner.query(`
    CREATE PROCEDURE public.fill() LANGUAGE plpgsql AS $$
    BEGIN
      LOCK TABLE public.bookings IN EXCLUSIVE MODE;
      COMMIT;
      PERFORM count(*) FROM public.bookings;
      COMMIT AND CHAIN;
    END $$`)
  await using calls = await migrationDirectory({
    '20260101000000000_call-fill.ts': sqlMigration({
      up: ['CALL public.fill()'],
      down: ['SELECT 1'],
      noTransaction: true,
    }),
  })
  try {
    const { migrations } = await plan(await loadMigrations(calls.path), {}, owner)
    const locks = migrations[0]?.locks.map(({ statement, relation, mode }) => [statement, relation, mode])
    expect(locks).toEqual([[1, 'public.bookings', 'ExclusiveLock']])
  } finally {
    await owner.query('DROP PROCEDURE public.fill()')
  }
})
