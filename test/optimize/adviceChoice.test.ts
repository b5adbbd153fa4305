import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Client } from 'pg'
import type { Optimized } from '../../src/optimize/optimize.ts'
import { optimize } from '../../src/optimize/optimize.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import { expectReversible } from '../rules/look.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'

let database: TestDatabase
let owner: Client
let optimized: Optimized

const workload = parseWorkload(`
-- name: latest_of_customer
-- calls: 900
-- types: int
-- args: 77
SELECT * FROM orders WHERE customer = $1 ORDER BY made DESC LIMIT 10;
-- name: open_ones
-- calls: 50
SELECT id FROM orders WHERE state = 'open' ORDER BY made LIMIT 20;
-- name: by_mail
-- calls: 100
SELECT id FROM customers WHERE lower(mail) = 'm7@example.org';
-- name: part_of_mail
-- calls: 30
SELECT id FROM customers WHERE mail ILIKE '%199@example%';`)

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  await owner.query(
    `CREATE TABLE customers (id int PRIMARY KEY, mail text NOT NULL);
     INSERT INTO customers SELECT n, 'M' || n || '@example.org' FROM generate_series(1, 20000) n;
     CREATE TABLE shops (id int PRIMARY KEY);
     INSERT INTO shops SELECT n FROM generate_series(1, 100) n;
     CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, shop int NOT NULL REFERENCES shops,
       made timestamptz NOT NULL, state text NOT NULL, note text NOT NULL);
     INSERT INTO orders SELECT n, n % 200 + 1, n % 100 + 1, timestamptz '2026-01-01' + n * interval '7 s',
       CASE n % 500 WHEN 0 THEN 'open' ELSE 'done' END, repeat('x', 100) FROM generate_series(1, 40000) n;
     ANALYZE customers, shops, orders`,
  )
  await using directory = await migrationDirectory()
  optimized = await optimize(owner, {
    level: 'warn',
    directory: directory.path,
    workload: { statements: workload },
  })
}, 120_000)
afterAll(async () => {
  await owner.end()
  await database.drop()
})

const built = (): string[] =>
  optimized.choice.operations.filter(({ kind }) => kind === 'createIndex').flatMap(({ up }) => up)

test('one index serves the foreign key and the statement', () => {
  const ofCustomer = built().filter((sql) => sql.includes('(customer'))
  expect(ofCustomer).toEqual([expect.stringMatching(/ON "public"\."orders" USING btree \(customer, made\)/)])
  expect(optimized.choice.skipped).toContainEqual(
    expect.objectContaining({
      key: 'unindexed_foreign_keys public.orders.orders_customer_fkey',
      reason: 'an index that the workload wants serves it too',
    }),
  )
})

test('a foreign key that no statement looks up keeps its index', () => {
  expect(built()).toContain('CREATE INDEX CONCURRENTLY "orders_shop_idx" ON "public"."orders" ("shop")')
})

test('parts of words get an extension that the server offers, and then their index', () => {
  const titles = optimized.groups.map(({ operation }) => operation.title)
  const enable = titles.indexOf('enable-pg-trgm')
  const create = optimized.groups.findIndex(({ operation }) =>
    operation.up.some((sql) => sql.includes('USING gin (mail public.gin_trgm_ops)')),
  )
  expect(enable).toBeGreaterThanOrEqual(0)
  expect(create).toBeGreaterThan(enable)
})

test('an expression and the few rows of a state get theirs, each with the statements that want it', () => {
  expect(built()).toContainEqual(expect.stringContaining('(lower(mail))'))
  expect(built()).toContainEqual(expect.stringContaining(`WHERE (state = 'open'::text)`))
  const reasons = optimized.choice.operations.map(({ why }) => why)
  expect(reasons).toContainEqual(
    expect.stringMatching(
      /^A statement of the workload wants it, by the planner's cost: by_mail .* -> .*\.$/,
    ),
  )
})

test('every migration goes up, down and up again', { timeout: 120_000 }, async () => {
  await expectReversible(owner, ...optimized.choice.operations)
})
