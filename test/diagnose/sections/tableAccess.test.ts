import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cell } from '../../../src/diagnose/block.ts'
import { rowSecurity } from '../../../src/diagnose/sections/rowSecurity.ts'
import { listTableAccess, mostRoles } from '../../../src/catalog/tableAccess.ts'
import { readServerFacts } from '../../../src/catalog/server.ts'
import { wantedSchemas } from '../../../src/catalog/scope.ts'
import { snapshotOf } from '../../../src/catalog/snapshot.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { quote } from '../../../src/postgres/identifiers.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { versions } from '../../support/versions.ts'

const roles = ['anon', 'authenticated', 'service_role', 'Clerk', 'heir', 'stranger', 'co_owner', 'no_heir']

const scene = `
  CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE service_role BYPASSRLS;
  CREATE ROLE "Clerk"; CREATE ROLE heir; GRANT "Clerk" TO heir;
  CREATE ROLE no_heir NOINHERIT; GRANT "Clerk" TO no_heir;
  CREATE ROLE stranger; CREATE ROLE the_owner; CREATE ROLE co_owner; GRANT the_owner TO co_owner;
  GRANT USAGE ON SCHEMA public TO PUBLIC;
  CREATE TABLE public."no security" (id integer, name text);
  GRANT SELECT, INSERT ON public."no security" TO anon, stranger;
  CREATE TABLE public.no_policy (id integer, name text);
  ALTER TABLE public.no_policy ENABLE ROW LEVEL SECURITY;
  GRANT ALL ON public.no_policy TO authenticated, service_role;
  GRANT SELECT ON public.no_policy TO heir;
  CREATE TABLE public.mixed (id integer, name text);
  ALTER TABLE public.mixed ENABLE ROW LEVEL SECURITY;
  GRANT ALL ON public.mixed TO anon, authenticated, service_role, "Clerk", co_owner, no_heir;
  CREATE POLICY everybody ON public.mixed FOR SELECT USING (true);
  CREATE POLICY clerks ON public.mixed TO "Clerk" USING (id > 1);
  CREATE POLICY fence ON public.mixed AS RESTRICTIVE TO authenticated USING (id < 3) WITH CHECK (id < 9);
  CREATE POLICY writes ON public.mixed FOR INSERT TO authenticated WITH CHECK (id > 0);
  CREATE POLICY changes ON public.mixed FOR UPDATE TO authenticated USING (id = 1) WITH CHECK (id = 2);
  CREATE TABLE public.forced (id integer, name text);
  ALTER TABLE public.forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, OWNER TO the_owner;
  GRANT DELETE ON public.forced TO PUBLIC;
  CREATE TABLE public.owned (id integer, name text);
  ALTER TABLE public.owned ENABLE ROW LEVEL SECURITY, OWNER TO the_owner;
  GRANT SELECT (id), UPDATE (name), INSERT (id) ON public.owned TO "Clerk";
  GRANT SELECT (id) ON public.owned TO PUBLIC;
  CREATE POLICY clerks ON public.owned FOR SELECT TO "Clerk" USING (id = 2);
  CREATE SCHEMA hidden; CREATE TABLE hidden.away (id integer, name text);
  GRANT ALL ON hidden.away TO anon;
  INSERT INTO public."no security" VALUES (1), (2), (3); INSERT INTO public.no_policy VALUES (1), (2), (3);
  INSERT INTO public.mixed VALUES (1), (2), (3); INSERT INTO public.forced VALUES (1), (2), (3);
  INSERT INTO public.owned VALUES (1), (2), (3);`

const commands = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const

/** Membership of roles changed with 16; the oldest and the newest besides. */
const chosen = versions.filter(({ version }) => [14, 16, 18].includes(version))

describe.each(chosen)('PostgreSQL $version', ({ version, engine }) => {
  describe.skipIf(engine !== undefined && engineIsMissing(engine))('', () => {
    let server: Server
    let superuser: Client
    let rows: Cell[][]

    beforeAll(async () => {
      server = await startEmbedded({ version })
      superuser = await connect(server.url())
      await superuser.query(scene)
      await superuser.query(`SET search_path = ''`)
      const snapshot = snapshotOf(borrow(superuser))
      const context = {
        ...snapshot,
        server: await snapshot.read(readServerFacts),
        wants: await wantedSchemas(snapshot),
        now: new Date(),
      }
      const { blocks } = await rowSecurity.look(context)
      const [access] = blocks.filter((block) => block.kind === 'table' && block.id === 'table_access')
      rows = access?.kind === 'table' ? access.rows : []
    })
    afterAll(async () => {
      await superuser.end()
      await server.stop()
    })

    /** What the report says of a role, whose name may be in a list. */
    function said(table: string, role: string): Cell[] | undefined {
      return rows.find(
        ([name, , who]) =>
          name === table &&
          String(who)
            .split(', ')
            .some((each) => each.replace(' (BYPASSRLS)', '').replaceAll('"', '') === role),
      )
    }

    /** What a statement does as that role: the error, or how many rows it reached. */
    async function tried(role: string, sql: string): Promise<string | number> {
      await superuser.query('BEGIN')
      try {
        await superuser.query(`SET LOCAL ROLE ${quote(role)}`)
        return (await superuser.query(sql)).rowCount ?? 0
      } catch (error) {
        return (error as Error).message
      } finally {
        await superuser.query('ROLLBACK')
      }
    }

    const statements = (table: string) => ({
      // Counting needs no column, but SELECT on one; naming `id` is what a grant on columns allows.
      SELECT: `SELECT id FROM ${table}`,
      INSERT: `INSERT INTO ${table} (id) VALUES (1)`,
      UPDATE: `UPDATE ${table} SET name = 'x'`,
      DELETE: `DELETE FROM ${table}`,
    })

    test('with more roles than are listed, those of an API stay', async () => {
      await superuser.query(`
        BEGIN;
        DO $$ BEGIN FOR n IN 100 .. 160 LOOP
          EXECUTE format('CREATE ROLE a%s; GRANT SELECT ON public.mixed TO a%1$s', n);
        END LOOP; END $$`)
      const listed = new Set((await listTableAccess(borrow(superuser))).map(({ role }) => role))
      await superuser.query('ROLLBACK')
      expect(listed.size).toBe(mostRoles)
      expect([...listed]).toEqual(expect.arrayContaining(['anon', 'authenticated', 'service_role', 'public']))
    })

    test('every cell is what a statement as that role does', async () => {
      const tables = [
        'public."no security"',
        'public.no_policy',
        'public.mixed',
        'public.forced',
        'public.owned',
        'hidden.away',
      ]
      let compared = 0
      for (const table of tables) {
        for (const role of roles) {
          const row = said(table, role)
          if (!row) continue
          for (const [at, command] of commands.entries()) {
            const outcome = await tried(role, statements(table)[command])
            const label = `${table} ${role} ${command}: ${String(outcome)}`
            const cell = String(row[3 + at])
            if (cell === 'no grant') expect(outcome, label).toMatch(/permission denied/)
            else if (cell.startsWith('everything')) {
              expect(outcome, label).toBe(command === 'INSERT' ? 1 : table === 'hidden.away' ? 0 : 3)
            } else if (cell === 'denied: no policy') {
              if (command === 'INSERT') expect(outcome, label).toMatch(/violates row-level security/)
              else expect(outcome, label).toBe(0)
            } else if (cell.startsWith('every row by policy')) expect(outcome, label).toBe(3)
            else {
              // Some rows pass, and others do not; the new row of an update may be refused.
              expect(cell, label).toMatch(/^rows by policy/)
              expect(typeof outcome === 'number' ? outcome : 'refused', label).toSatisfy(
                (reached: string | number) => reached === 'refused' || (reached as number) < 3,
              )
            }
            compared += 1
          }
        }
      }
      expect(compared).toBe(tables.length * roles.length * commands.length)
    })

    test('the expressions are those that apply to the role, with the restrictive ones', () => {
      expect(said('public.mixed', 'authenticated')?.slice(3)).toEqual([
        'rows by policy',
        'rows by policy',
        'rows by policy',
        'denied: no policy',
        [
          'SELECT: (id < 3)',
          'INSERT: (id > 0) AND (id < 9)',
          'UPDATE: (id = 1) AND (id < 3), new row (id = 2) AND (id < 9)',
        ].join('\n'),
      ])
      expect(said('public.mixed', 'heir')?.[7]).toBe('SELECT: true\nINSERT, UPDATE, DELETE: (id > 1)')
    })

    test('a grant on columns says so, and a schema without USAGE counts as no grant', () => {
      expect(said('public.owned', 'Clerk')?.slice(3, 7)).toEqual([
        'rows by policy, some columns',
        'denied: no policy',
        'denied: no policy',
        'no grant',
      ])
      expect(said('hidden.away', 'anon')?.slice(3, 7)).toEqual(Array(4).fill('no grant'))
    })

    test('a table without row-level security comes first, and says so', () => {
      expect(rows[0]?.slice(0, 2)).toEqual(['public."no security"', 'off'])
      expect(said('public.forced', 'public')?.slice(1)).toEqual([
        'on, forced',
        expect.stringContaining('public'),
        'no grant',
        'no grant',
        'no grant',
        'denied: no policy',
        '',
      ])
    })
  })
})
