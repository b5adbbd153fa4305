import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { functionSearchPathMutable } from '../../../src/rules/policies/functionSearchPathMutable.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('function_search_path_mutable', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`SELECT`)
  })
  afterAll(() => database.drop())

  const subjects = async (): Promise<string[]> =>
    (await findWith(owner, functionSearchPathMutable, ['public']))
      .map(({ subject }) => subject.slice(1).join(' '))
      .sort()

  const migrationOf = async (name: string) => {
    const finding = (await findWith(owner, functionSearchPathMutable)).find(
      ({ subject }) => subject[1] === name,
    )
    return finding?.remedy
  }

  it('writes a migration for a SECURITY DEFINER function with qualified names, and the function answers as before', async () => {
    await owner.query(`CREATE TABLE public.admins (id int); INSERT INTO public.admins VALUES (7);
      CREATE FUNCTION public.bad_definer(x int) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS
        $$ DECLARE n int; BEGIN SELECT count(*) INTO n FROM public.admins a WHERE a.id = x; RETURN n > 0; END $$;
      CREATE FUNCTION public.good_definer() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT 1'`)
    expect(await subjects()).toEqual(['bad_definer x integer'])
    const remedy = await migrationOf('bad_definer')
    if (remedy?.kind !== 'migration') throw new Error(remedy?.title)
    const answer = async () =>
      (await owner.query('SELECT public.bad_definer(7) AS a, public.bad_definer(8) AS b')).rows
    const before = await answer()
    for (const statement of remedy.operation.up) await owner.query(statement)
    expect(await answer()).toEqual(before)
    expect(await subjects()).toEqual([])
    for (const statement of remedy.operation.down) await owner.query(statement)
    expect(await subjects()).toEqual(['bad_definer x integer'])
  })

  it('reads assignments, and the FROM that may follow them', async () => {
    await owner.query(`SET search_path = public; CREATE TABLE IF NOT EXISTS public.admins (id int);
      CREATE FUNCTION public.assigns(x int) RETURNS int LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
        DECLARE n int; many int[]; r record;
        BEGIN
          n := 1 + x; n = count(*) FROM public.admins a WHERE a.id = x; many[abs(n) + 1] := 3;
          SELECT 1 AS a INTO r; r.a := many[1]; n := (SELECT ':= =')::text <> '='; RETURN n;
        END $$`)
    expect((await migrationOf('assigns'))?.kind).toBe('migration')
    await owner.query(`CREATE OR REPLACE FUNCTION public.assigns(x int) RETURNS int LANGUAGE plpgsql STABLE SECURITY DEFINER AS
      $$ DECLARE n int; BEGIN n := count(*) FROM admins; RETURN n; END $$`)
    expect((await migrationOf('assigns'))?.title).toMatch(/names admins without its schema/)
    await owner.query(`CREATE OR REPLACE FUNCTION public.assigns(x int) RETURNS int LANGUAGE plpgsql STABLE SECURITY DEFINER AS
      $$ DECLARE many int[]; BEGIN many[public.nothing(x)] := 1; RETURN 1; END $$`)
    expect((await migrationOf('assigns'))?.title).toMatch(/public.nothing\(\), of which nothing is known/)
    await owner.query(`DROP FUNCTION public.assigns(int)`)
  })

  it.each([
    ['a table', 'SELECT count(*) FROM admins', /names admins without its schema/],
    ['a function', 'SELECT bad_definer(1)::int', /calls bad_definer\(\) without its schema/],
    ['a type', `SELECT length('a'::mood::text)`, /names the type mood/],
    ['a write', 'INSERT INTO public.admins VALUES (1) RETURNING 1', /triggers/],
    ['a callee', 'SELECT public.careless()', /names admins/],
  ])('gives only steps where the path matters for %s', async (_, body, reason) => {
    await owner.query(`DO $$ BEGIN CREATE TYPE public.mood AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN END $$;
      CREATE OR REPLACE FUNCTION public.careless() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM admins';
      DROP FUNCTION IF EXISTS public.other(); SET search_path = public;
      CREATE FUNCTION public.other() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $body$ ${body} $body$`)
    const remedy = await migrationOf('other')
    expect(remedy?.kind).toBe('runbook')
    expect(remedy?.title).toMatch(reason)
  })

  it('gives only steps for dynamic SQL, and for a function with the rights of its caller', async () => {
    await owner.query(`CREATE FUNCTION public.dynamic() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN EXECUTE 'SELECT 1'; END $$;
      CREATE FUNCTION public.invoker() RETURNS int LANGUAGE sql AS 'SELECT 1'`)
    expect((await migrationOf('dynamic'))?.title).toMatch(/runs dynamic SQL/)
    expect((await migrationOf('invoker'))?.kind).toBe('runbook')
    const levels = Object.fromEntries(
      (await findWith(owner, functionSearchPathMutable)).map(({ subject, level, infoBecause }) => [
        subject[1],
        [level, infoBecause],
      ]),
    )
    expect(levels).toMatchObject({
      dynamic: ['warn', undefined],
      invoker: ['info', "on functions with their caller's rights"],
    })
  })
})
