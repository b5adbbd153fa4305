import { expect, test } from 'vitest'
import type { ParsedPolicy } from '../../../src/policies/rewrite/parsedPolicies.ts'
import { tablesRunningCode } from '../../../src/policies/rewrite/parsedPolicies.ts'
import { parseExpression } from '../../../src/syntax/expression.ts'

/** Whether whoever reads a table with this policy runs code for each of its rows. */
async function runsCode(predicate: string): Promise<boolean> {
  const policy = { table: { schema: 'public', name: 't', rowSecurity: true } } as ParsedPolicy['policy']
  return tablesRunningCode([{ policy, using: await parseExpression(predicate) }]).has('public.t')
}

test.each([
  'public.is_member(id)',
  'EXISTS (SELECT 1 FROM m WHERE m.id = t.id)',
  't.id IN (SELECT m.id FROM m WHERE m.owner = t.owner)',
  'public.key_of(id) IN (SELECT m.id FROM m)',
  'owner = (SELECT auth.uid()) OR public.is_member(id)',
])('%s runs code for every row', async (predicate) => {
  expect(await runsCode(predicate)).toBe(true)
})

test.each([
  'owner = (SELECT auth.uid())',
  'id = ANY (ARRAY(SELECT m.id FROM m WHERE m.owner = (SELECT auth.uid())))',
  'id IN (SELECT m.id FROM m WHERE m.owner = (SELECT auth.uid()))',
  'id IN (SELECT unnest((SELECT private.member_ids())))',
  'pg_catalog.lower(name) IN (SELECT m.name FROM m)',
])('%s does not', async (predicate) => {
  expect(await runsCode(predicate)).toBe(false)
})
