import { parsePlPgSQL } from 'libpg-query'
import { expect, it } from 'vitest'
import { plpgsqlResult } from '../../../src/policies/read/plpgsqlResult.ts'
import { canonical, parseExpression, printExpression } from '../../../src/syntax/expression.ts'

async function resultOf(body: string): Promise<string | undefined> {
  const definition = `CREATE FUNCTION may(org uuid, wanted text) RETURNS boolean LANGUAGE plpgsql AS $$ ${body} $$`
  const result = await plpgsqlResult(await parsePlPgSQL(definition), body)
  return result && printExpression(result)
}

const read = 'SELECT m.role FROM members m WHERE m.org_id = org'

it.each([
  [
    'an IF',
    `BEGIN IF is_admin() THEN RETURN true; END IF; RETURN org IS NULL; END`,
    `CASE WHEN is_admin() THEN true ELSE org IS NULL END`,
  ],
  [
    'ELSIF and ELSE',
    `BEGIN IF a(org) THEN RETURN true; ELSIF b(org) THEN RETURN c(org); ELSE RETURN false; END IF; END`,
    `CASE WHEN a(org) THEN true WHEN b(org) THEN c(org) ELSE false END`,
  ],
  [
    'what stands behind an IF that ends in one arm only',
    `DECLARE r boolean := false; BEGIN IF a(org) THEN r := b(org); END IF; RETURN r OR c(org); END`,
    `CASE WHEN a(org) THEN b(org)::boolean OR c(org) ELSE false::boolean OR c(org) END`,
  ],
  [
    'a variable that the last statement returns',
    `DECLARE r boolean; BEGIN r := a(org); RETURN r; END`,
    `a(org)::boolean`,
  ],
  [
    'SELECT INTO, which takes the first row',
    `DECLARE r text; BEGIN SELECT m.role INTO r FROM members m WHERE m.org_id = org; RETURN r = wanted; END`,
    `((${read} LIMIT 1)::text) = wanted`,
  ],
  [
    'FOUND',
    `BEGIN PERFORM 1 FROM members m WHERE m.org_id = org; RETURN FOUND; END`,
    `EXISTS (SELECT 1 FROM members m WHERE m.org_id = org)`,
  ],
  ['FOUND before any statement', `BEGIN RETURN FOUND OR a(org); END`, `false OR a(org)`],
  [
    'CASE of a value',
    `BEGIN CASE wanted WHEN 'read' THEN RETURN a(org); ELSE RETURN b(org); END CASE; END`,
    `CASE WHEN wanted IN ('read') THEN a(org) ELSE b(org) END`,
  ],
])('reads %s as one expression', async (_, body, expression) => {
  expect(await canonicalOf(await resultOf(body))).toBe(await canonicalOf(expression))
})

it.each([
  ['a loop', `BEGIN FOR i IN 1..3 LOOP RETURN true; END LOOP; RETURN false; END`],
  ['dynamic SQL', `DECLARE r boolean; BEGIN EXECUTE 'SELECT true' INTO r; RETURN r; END`],
  ['an exception handler', `BEGIN RETURN a(org); EXCEPTION WHEN OTHERS THEN RETURN false; END`],
  ['a write', `BEGIN INSERT INTO log VALUES (org); RETURN true; END`],
  [
    'SELECT INTO STRICT',
    `DECLARE r text; BEGIN ${read.replace('m.role', 'm.role INTO STRICT r')}; RETURN r = 'a'; END`,
  ],
  ['a record', `DECLARE r record; BEGIN ${read.replace('m.role', 'm.* INTO r')}; RETURN r.role = 'a'; END`],
  [
    'a variable that must not be NULL',
    `DECLARE r text NOT NULL := 'a'; BEGIN r := wanted; RETURN r = 'a'; END`,
  ],
  ['a variable that cuts what is assigned', `DECLARE r varchar(3) := wanted; BEGIN RETURN r = 'own'; END`],
  ['a CASE that fails without a match', `BEGIN CASE wanted WHEN 'a' THEN RETURN true; END CASE; END`],
  ['a parameter that is assigned to', `BEGIN wanted := 'a'; RETURN wanted = 'a'; END`],
  ['a block within', `BEGIN BEGIN RETURN a(org); END; END`],
  [
    'a rule about names',
    `#variable_conflict use_column\nBEGIN IF a(org) THEN RETURN true; END IF; RETURN false; END`,
  ],
])('leaves %s', async (_, body) => {
  expect(await resultOf(body)).toBeUndefined()
})

async function canonicalOf(text: string | undefined): Promise<string> {
  return text === undefined ? 'nothing' : JSON.stringify(canonical(await parseExpression(text)))
}
