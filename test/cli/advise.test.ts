import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CommandResult } from '../support/commandLine.ts'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let folder: string

beforeAll(async () => {
  database = await createDatabase()
  folder = mkdtempSync(join(tmpdir(), 'advise-'))
  const owner = await database.connect(database.ownerUrl)
  await owner.query(
    `CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, made timestamptz NOT NULL, note text);
     INSERT INTO orders SELECT n, n % 3000, timestamptz '2026-01-01' + n * interval '1 s', md5(n::text)
       FROM generate_series(1, 30000) n;
     CREATE INDEX orders_note_idx ON orders (note);
     ANALYZE orders`,
  )
  await owner.end()
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await database.drop()
})

function run(workload: string, ...args: string[]): Promise<CommandResult> {
  writeFileSync(join(folder, 'workload.sql'), workload)
  return callCommand(['advise', '--workload', 'workload.sql', ...args], {
    directory: folder,
    environment: { DIRECT_URL: database.ownerUrl },
  })
}

const workload = `
-- name: orders_of_customer
-- calls: 500
-- types: int
-- args: 77
SELECT * FROM orders WHERE customer = $1 ORDER BY made DESC LIMIT 10;
-- name: broken
SELECT * FROM nowhere;`

test('says what to create and to drop, what for, and how good the choice is', async () => {
  const { exitCode, out } = await run(workload, '--json', 'advice.json', '--html', 'advice.html')
  expect(exitCode).toBe(0)
  expect(out).toMatch(/│ 1 │ public\.orders +│ [\d.]+ (?:kB|MB) │/)
  expect(out).toContain('USING btree (customer')
  expect(out).toContain('orders_of_customer: ')
  expect(out).toMatch(/│ public\.orders_note_idx +│/)
  expect(out).toContain('Left out: broken, line 8: relation "nowhere" does not exist')
  expect(out).toContain('1 of 1 plans have the same shape')
  expect(out).not.toContain('DOUBTFUL')
  expect(out).toMatch(/No choice among these candidates is better by more than 0\.00 %/)
  expect(out).toContain('Written to advice.html')
  expect(readFileSync(join(folder, 'advice.html'), 'utf8')).toContain('new index 1')
  const document = JSON.parse(readFileSync(join(folder, 'advice.json'), 'utf8')) as Record<string, unknown>
  expect(document).toMatchObject({
    schemaVersion: 1,
    command: 'advise',
    indexes: [
      {
        number: 1,
        definition: expect.stringContaining(
          'CREATE INDEX ON "public"."orders" USING btree (customer',
        ) as string,
        sizeBytes: expect.any(Number) as number,
        replaces: [],
        serves: [{ query: 'orders_of_customer' }],
      },
    ],
    drops: [
      {
        name: 'public.orders_note_idx',
        definition: 'CREATE INDEX orders_note_idx ON public.orders USING btree (note)',
      },
    ],
    agreement: {
      compared: 1,
      sameShape: 1,
      medianCostError: expect.any(Number) as number,
      notCompared: [],
      isLow: false,
    },
  })
})

test('explains one index instead, in JSON too', async () => {
  const { exitCode, out } = await run(workload, '--explain', 'orders_note_idx', '--json', 'explained.json')
  expect(exitCode).toBe(0)
  expect(out).toContain('public.orders_note_idx: it exists, and may be dropped.')
  expect(out).not.toContain('USING btree (customer')
  const document: unknown = JSON.parse(readFileSync(join(folder, 'explained.json'), 'utf8'))
  expect(document).toMatchObject({
    explained: { index: 'public.orders_note_idx', exists: true, isChosen: false, statements: [] },
  })
})

test('knows names that look like one that is not there', async () => {
  const { exitCode, out, err } = await run(workload, '--explain', 'order_note_idx')
  expect(exitCode).toBe(5)
  expect(out).toBe('')
  expect(err).toContain('No index that was looked at is called order_note_idx.')
  expect(err).toContain('The nearest are: public.orders_note_idx;')
})

test('builds nothing for a budget of zero, and no statement gets slower', async () => {
  const { exitCode, out } = await run(workload, '--budget', '0')
  expect(exitCode).toBe(0)
  expect(out).toContain('No index is worth building.')
})

test.each([
  ['an empty workload', '-- nothing', [], 'The workload is empty.'],
  ['a budget that is no size', workload, ['--budget', 'much'], '--budget much is no size.'],
])('refuses %s', async (_what, text, args, message) => {
  const { exitCode, err } = await run(text, ...args)
  expect(exitCode).toBe(5)
  expect(err).toContain(message)
})

test('takes only a file for complete', async () => {
  const { exitCode, err } = await callCommand(['advise', '--complete'], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expect(exitCode).toBe(5)
  expect(err).toContain('there is no file of statements')
})

test('says what is missing where nobody counts statements', async () => {
  const { exitCode, err } = await callCommand(['advise'], { environment: { DIRECT_URL: database.ownerUrl } })
  expect(exitCode).toBe(5)
  expect(err).toContain('pg_stat_statements')
})
