import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Client } from 'pg'
import { asExists } from '../../../src/policies/rewrite/asExists.ts'
import { parseExpression, printExpression } from '../../../src/syntax/expression.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  // Parents without an owner, children without a parent, and children whose parent is not there.
  await owner.query(`
    CREATE TABLE parents (id int PRIMARY KEY, owner int, is_open boolean, kind text);
    INSERT INTO parents SELECT n, nullif(n % 4, 0), CASE n % 3 WHEN 0 THEN true WHEN 1 THEN false END,
      (ARRAY['a', 'b', NULL, 'c', ''])[1 + n % 5] FROM generate_series(1, 60) n;
    CREATE TABLE rows (id int PRIMARY KEY, parent int);
    INSERT INTO rows SELECT n, CASE WHEN n % 7 > 0 THEN n % 80 END FROM generate_series(1, 200) n;`)
})
afterAll(() => database.drop())

const of = 'FROM parents p WHERE p.id = rows.parent'

test.each([
  `(SELECT p.owner ${of}) = 2`,
  `2 = (SELECT p.owner ${of})`,
  `(SELECT p.owner ${of} LIMIT 1) <> 2`,
  `(SELECT p.owner ${of}) < 3`,
  `3 <= (SELECT p.owner ${of})`,
  `(SELECT p.kind ${of}) IN ('a', 'c')`,
  `(SELECT p.kind ${of}) NOT IN ('a', 'c')`,
  `(SELECT p.kind ${of}) = ANY (ARRAY['a', NULL, ''])`,
  `(SELECT p.kind ${of})::varchar = 'b'`,
  `(SELECT p.owner ${of}) = (SELECT max(m.id) FROM parents m WHERE m.id < 4)`,
  `(SELECT p.is_open ${of})`,
  `(SELECT p.is_open ${of}) = true`,
  `(SELECT true ${of} AND p.owner = 1)`,
  `(SELECT false ${of} AND p.owner = 1)`,
  `(SELECT p.owner = 1 ${of})`,
  `(SELECT count(*) ${of} AND p.owner > 1) > 0`,
  `(SELECT count(*) FROM parents p WHERE p.owner = rows.parent) >= 1`,
  `(SELECT count(*) FROM parents p WHERE p.owner = rows.parent) <> 0`,
])('%s lets the same rows pass as EXISTS', async (condition) => {
  const exists = asExists(await parseExpression(condition), { findsOneAtMost: () => true })
  if (!exists) throw new Error('it was not turned')
  const { rows } = await owner.query<{ before: number[]; after: number[] }>(
    `SELECT array_agg(id ORDER BY id) FILTER (WHERE ${condition}) AS before,
       array_agg(id ORDER BY id) FILTER (WHERE ${printExpression({ SubLink: exists })}) AS after FROM rows`,
  )
  expect(rows[0]?.after).toEqual(rows[0]?.before)
})

test.each([
  `(SELECT p.owner ${of}) IS NULL`,
  `(SELECT p.owner ${of}) = rows.id`,
  `(SELECT p.owner ${of}) = (SELECT p.id ${of})`,
  `(SELECT p.kind ${of}) <> ALL (ARRAY['a'])`,
  `(SELECT p.kind ${of}) LIKE 'a%'`,
  `(SELECT p.owner ${of}) IS DISTINCT FROM 1`,
  `(SELECT max(p.owner) ${of}) = 1`,
  `(SELECT count(*) ${of}) > 1`,
  `(SELECT count(*) ${of}) = 0`,
  `(SELECT count(p.owner) ${of}) > 0`,
  `(SELECT count(*) FILTER (WHERE p.is_open) ${of}) > 0`,
  `(SELECT count(*) ${of} OFFSET 1) > 0`,
  `(SELECT count(*) ${of} HAVING count(*) > 2) > 0`,
  `(SELECT p.owner ${of} GROUP BY p.owner) = 1`,
  `coalesce((SELECT p.is_open ${of}), true)`,
])('%s stays', async (condition) => {
  expect(asExists(await parseExpression(condition), { findsOneAtMost: () => true })).toBeUndefined()
})

test('a value that may be one of several stays', async () => {
  const condition = await parseExpression(`(SELECT p.owner ${of}) = 2`)
  expect(asExists(condition, { findsOneAtMost: () => false })).toBeUndefined()
})
