import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withoutArrayCasts } from '../../src/syntax/arrayCasts.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE TYPE "a mood" AS ENUM ('fine', 'bad');
    CREATE TABLE t (short varchar(20), long text, fixed char(3), moods "a mood"[], codes varchar[], at timestamp(3));
    SET search_path = ''`)
})
afterAll(() => database.drop())

/** The expression as PostgreSQL prints it once it is a check of the table. */
async function printed(expression: string): Promise<string> {
  await owner.query(`ALTER TABLE public.t ADD CONSTRAINT c CHECK (${expression})`)
  try {
    const { rows } = await owner.query<{ text: string }>(
      `SELECT pg_get_expr(conbin, conrelid) AS text FROM pg_constraint WHERE conname = 'c'`,
    )
    return rows[0]?.text ?? ''
  } finally {
    await owner.query(`ALTER TABLE public.t DROP CONSTRAINT c`)
  }
}

describe('withoutArrayCasts', () => {
  it.each([
    `short IN ('a', 'b')`,
    `short NOT IN ('it''s', '(ARRAY[''b''])::text[]')`,
    `short LIKE ANY (ARRAY['a%', '%b'])`,
    `short = ANY (ARRAY[long, short, fixed])`,
    `(short = ANY (ARRAY['a', 'b', NULL]) AND long = 'x') OR short IN ('c', 'd')`,
    `codes && ARRAY['a', 'b']::varchar[]`,
    `codes @> ARRAY[short]`,
    `moods && ARRAY['fine', 'bad']::public."a mood"[]`,
    `at = ANY (ARRAY['2020-01-01'::date, '2021-01-01'::date])`,
    `long = ANY (ARRAY[short]::text[])`,
    `fixed IN ('a', 'b') AND (codes)[1] = 'a'`,
  ])('lets PostgreSQL print %s as before when it reads it again', async (expression) => {
    const once = await printed(expression)
    expect(await printed(withoutArrayCasts(once))).toBe(once)
  })

  it('is needed: an expression that is read with the cast is printed differently', async () => {
    const once = await printed(`short IN ('a', 'b')`)
    expect(await printed(once)).not.toBe(once)
  })

  it.each([
    [`CHECK (x = 'a''])::text[]')`],
    [`(ARRAY[1, 2])::text`],
    [`(a)[1]::text`],
    [`((x)::text = 'a'::text) -- (ARRAY[1])::text[]`],
    [`f((ARRAY[1]))::int[]`],
    [`(ARRAY[1`],
  ])('leaves %s alone', (sql) => {
    expect(withoutArrayCasts(sql)).toBe(sql)
  })

  it('removes casts of any type, also nested ones', () => {
    expect(
      withoutArrayCasts(`(ARRAY[f((ARRAY['a'])::"a b".c(3)[])])::timestamp(3) without time zone[]`),
    ).toBe(`(ARRAY[f((ARRAY['a']))])`)
  })
})
