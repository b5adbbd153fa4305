import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Optimized } from '../../src/optimize/optimize.ts'
import { optimize } from '../../src/optimize/optimize.ts'
import { adviceDocument } from '../../src/report/advice.ts'
import { unusedIndexAfter } from '../../src/rules/indexes/unusedIndex.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import { expectReversible, settleCounters } from '../rules/look.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'

const schema = `
  CREATE TABLE customers (id int PRIMARY KEY);
  CREATE TABLE shops (id int PRIMARY KEY);
  INSERT INTO customers SELECT generate_series(1, 400);
  INSERT INTO shops SELECT generate_series(1, 400);
  CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, shop int NOT NULL REFERENCES shops,
    region int NOT NULL, state text NOT NULL, made timestamptz NOT NULL, note text NOT NULL, code int NOT NULL, tags text[] NOT NULL);
  INSERT INTO orders SELECT n, n % 400 + 1, n % 397 + 1, n % 40, CASE n % 200 WHEN 0 THEN 'Open' ELSE 'Done' END,
    timestamptz '2026-01-01' + n * interval '7 s', md5(n::text) || repeat('x', 200), n, ARRAY['t' || n % 50]
    FROM generate_series(1, 30000) n;
  CREATE INDEX orders_note_idx ON orders (note);
  CREATE INDEX orders_customer_idx ON orders (customer);
  CREATE INDEX orders_shop_idx ON orders (shop);
  CREATE INDEX orders_id_twin ON orders (id);
  CREATE INDEX orders_state_idx ON orders (lower(state));
  CREATE UNIQUE INDEX orders_code_idx ON orders (code);
  CREATE INDEX orders_tags_idx ON orders USING gin (tags);
  CREATE INDEX orders_made_idx ON orders (made);
  CREATE INDEX orders_made_few_idx ON orders (made) WHERE state = 'Open';
  CREATE INDEX orders_region_idx ON orders (region);
  CREATE INDEX orders_region_note_idx ON orders (region, note);
  CREATE TABLE lines (id int PRIMARY KEY, of_order int NOT NULL REFERENCES orders, a int NOT NULL, b text NOT NULL);
  INSERT INTO lines SELECT n, n, n % 7, repeat('y', 50) FROM generate_series(1, 20000) n;
  CREATE INDEX lines_of_order_a_idx ON lines (of_order, a);
  CREATE INDEX lines_of_order_b_idx ON lines (of_order, b);
  CREATE INDEX lines_a_idx ON lines (a);
  ALTER TABLE lines CLUSTER ON lines_a_idx;
  VACUUM ANALYZE`

const workload = parseWorkload(`
-- name: latest_of_customer
-- calls: 9000
-- types: int
-- args: 77
SELECT * FROM orders WHERE customer = $1 ORDER BY made DESC LIMIT 10;
-- name: recent
-- calls: 500
-- types: timestamptz
-- args: '2026-01-03 10:00'
SELECT id FROM orders WHERE made > $1 ORDER BY made LIMIT 20;
-- name: count_in_region
-- calls: 900
SELECT count(*) FROM orders WHERE region = 7;
-- name: done_by_shop
-- calls: 5
SELECT shop, count(*) FROM orders WHERE lower(state) = 'done' GROUP BY shop;
-- name: new_order
-- calls: 3000
INSERT INTO orders VALUES (99999, 1, 1, 1, 'Open', now(), 'n', 99999, '{}');
-- name: line
-- calls: 100
SELECT * FROM lines WHERE id = 7;
-- name: new_line
-- calls: 9000
INSERT INTO lines VALUES (99999, 1, 1, 'n');`)

/** What may happen to each index: whatever else there may be, where the workload is complete, or never. */
const traps: [index: string, goes: 'always' | 'complete' | 'never', why: string][] = [
  ['orders_note_idx', 'complete', 'no statement needs it, and the statistics are young'],
  ['orders_tags_idx', 'complete', 'the same for another access method'],
  [
    'orders_made_few_idx',
    'complete',
    'orders_made_idx finds the same, and a statement elsewhere may want the few rows',
  ],
  ['orders_customer_idx', 'always', 'the advised index begins with its column, foreign key included'],
  ['orders_id_twin', 'always', 'the primary key has the same index'],
  ['orders_shop_idx', 'never', 'it is the only index that leads on a foreign key'],
  ['orders_state_idx', 'never', 'a statement is estimated by its expression, though no plan scans it'],
  ['orders_code_idx', 'never', 'it keeps values unique'],
  ['orders_made_idx', 'never', 'a statement uses it'],
  ['orders_region_idx', 'never', 'the wider index is ten times as long to read'],
  ['orders_region_note_idx', 'complete', 'the narrow one is better for every statement'],
  ['lines_a_idx', 'never', 'its table is clustered on it'],
  ['lines_of_order_a_idx', 'never', 'one of two that lead on a foreign key stays: the smaller'],
  ['lines_of_order_b_idx', 'complete', 'the other one serves the foreign key'],
  ['orders_pkey', 'never', 'a constraint needs it'],
]

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  for (const statement of schema.split(/;\n/)) await owner.query(statement)
}, 120_000)
afterAll(async () => {
  await owner.end()
  await database.drop()
})

async function run(options: { complete: boolean; after0Days?: true }): Promise<Optimized> {
  await using directory = await migrationDirectory()
  return optimize(owner, {
    level: options.after0Days ? 'info' : 'warn',
    directory: directory.path,
    ...(options.after0Days ? { rules: [unusedIndexAfter(0)] } : {}),
    workload: { statements: workload, complete: options.complete },
  })
}

function dropped({ choice }: Optimized): string[] {
  return choice.operations
    .filter(({ kind }) => kind === 'dropIndex')
    .map(({ up }) => /"public"\."(\w+)"/.exec(up[0] ?? '')?.[1] ?? '')
}

describe.each([false, true])('drops for a workload, complete: %s', (complete) => {
  let optimized: Optimized

  beforeAll(async () => {
    optimized = await run({ complete })
  }, 120_000)

  test.each(traps)('%s goes %s: %s', (index, goes) => {
    expect(dropped(optimized).includes(index)).toBe(goes === 'always' || (goes === 'complete' && complete))
  })

  test('nothing else goes', () => {
    expect(dropped(optimized).filter((name) => !traps.some(([index]) => index === name))).toEqual([])
  })

  test('an index that is replaced goes after the one that replaces it', () => {
    const { operations } = optimized.choice
    const drop = operations.find(({ up }) => up[0]?.includes('orders_customer_idx"'))
    const [build] = drop?.requires ?? []
    expect(build?.up[0]).toMatch(/\(customer, made/)
    expect(operations.indexOf(build as never)).toBeLessThan(operations.indexOf(drop as never))
    expect(drop?.before).toContainEqual({ condition: 'indexIsValid', args: build?.after[0]?.args })
    const document = adviceDocument(optimized.advice as never) as { indexes: { replaces: string[] }[] }
    expect(document.indexes.flatMap(({ replaces }) => replaces)).toContain('public.orders_customer_idx')
  })

  test('all of it goes up, down and up again', { timeout: 240_000 }, async () => {
    const relevant = optimized.choice.operations.filter(
      ({ kind, rule }) => kind === 'dropIndex' || rule === 'missing_index',
    )
    await using copy = await copyOfDatabase()
    await expectReversible(copy.client, ...relevant)
  })
})

test('what is not shown to be unused is listed with what is missing', { timeout: 120_000 }, async () => {
  const { choice, advice } = await run({ complete: false })
  expect(choice.skipped).toContainEqual({
    key: 'unused_index public.orders_note_idx',
    rule: 'unused_index',
    reason: expect.stringMatching(
      /^no statement of the workload needs it; `optimize` keeps it .*: the statistics are 0\.0 days old; 35 are needed/,
    ) as string,
  })
  const drop = advice?.drops.find(({ name }) => name === 'orders_note_idx')
  expect(drop?.lacks[0]).toMatch(/^the statistics are/)
})

test('an unused index stays where a statement of the workload wants it', { timeout: 120_000 }, async () => {
  await owner.query(
    `DO $$ BEGIN FOR n IN 1..100 LOOP PERFORM FROM shops; PERFORM id FROM orders WHERE id = n; END LOOP; END $$`,
  )
  await settleCounters(owner)
  const { choice } = await run({ complete: false, after0Days: true })
  expect(choice.skipped).toContainEqual({
    key: 'unused_index public.orders_made_idx',
    rule: 'unused_index',
    reason: 'statement recent of the workload uses it',
  })
  expect(dropped({ choice } as Optimized)).toContain('orders_note_idx')
  expect(dropped({ choice } as Optimized)).not.toContain('orders_made_idx')
})

/** What was made there goes with it. */
async function copyOfDatabase(): Promise<{ client: Client } & AsyncDisposable> {
  const copy = await createDatabase()
  const client = await copy.connect(copy.ownerUrl)
  for (const statement of schema.split(/;\n/)) await client.query(statement)
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.end()
      await copy.drop()
    },
  }
}
