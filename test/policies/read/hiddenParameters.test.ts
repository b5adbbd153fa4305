import { parsePlPgSQL } from 'libpg-query'
import { expect, it } from 'vitest'
import { hidesParameter } from '../../../src/policies/read/hiddenParameters.ts'

async function hides(body: string): Promise<boolean> {
  const definition = `CREATE FUNCTION may(org uuid, wanted text) RETURNS boolean LANGUAGE plpgsql AS $$ ${body} $$`
  return hidesParameter(await parsePlPgSQL(definition), definition)
}

it.each([
  ['a variable', 'DECLARE org uuid; BEGIN RETURN is_member(org); END'],
  ['a variable with a value', `DECLARE org uuid := '0'; BEGIN RETURN is_member(org); END`],
  ['a variable of a block within', 'BEGIN DECLARE org uuid; BEGIN RETURN is_member(org); END; END'],
  ['a record', 'DECLARE org record; BEGIN RETURN is_member(org); END'],
  ['another name for a parameter', 'DECLARE wanted ALIAS FOR $1; BEGIN RETURN is_member(wanted); END'],
])('%s hides a parameter', async (_, body) => {
  expect(await hides(body)).toBe(true)
})

it.each([
  ['no variable', 'BEGIN RETURN is_member(org); END'],
  ['a variable of its own name', 'DECLARE found_role text; BEGIN RETURN is_member(org); END'],
])('%s hides none', async (_, body) => {
  expect(await hides(body)).toBe(false)
})
