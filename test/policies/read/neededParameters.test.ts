import { expect, it } from 'vitest'
import { neededParameters } from '../../../src/policies/read/neededParameters.ts'
import { parseExpression } from '../../../src/syntax/expression.ts'

const rows = 'SELECT 1 FROM members m WHERE m.org_id = $1'

it.each([
  [`$1 = auth.uid()`, [0]],
  [`$1 = 'a' AND $2 > 3`, [0, 1]],
  [`$1 = 'a' OR $1 = $2`, [0]],
  [`$1::text IN ('a', 'b')`, [0]],
  [`EXISTS (${rows} AND m.user_id = $2)`, [0, 1]],
  [`EXISTS (${rows} UNION ${rows} AND m.user_id = $2)`, [0]],
  [`$2 IN (${rows})`, [0, 1]],
  [`(SELECT m.role FROM members m WHERE m.org_id = $1) = 'owner'`, [0]],
])('%s needs %j', async (text, needed) => {
  expect([...neededParameters(await parseExpression(text))].sort()).toEqual(needed)
})

it.each([
  [`NOT $1 = 'a'`],
  [`$1 IS NULL`],
  [`coalesce($1, 'a') = 'a'`],
  [`$1 IS DISTINCT FROM 'a'`],
  [`'a' = ALL ($1)`],
  [`may($1)`],
  [`(SELECT count(*) FROM members m WHERE m.org_id = $1) = 0`],
  [`EXISTS (SELECT 1 FROM members m WHERE m.org_id = $1 HAVING true)`],
  [`EXISTS (SELECT 1 FROM members m EXCEPT ${rows})`],
])('%s may be true without any', async (text) => {
  expect([...neededParameters(await parseExpression(text))]).toEqual([])
})
