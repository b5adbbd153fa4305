import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { callCommand } from '../support/commandLine.ts'
import { engineIsMissing } from '../support/engines.ts'
import { hoursFromNow } from '../support/hours.ts'

describe.each([
  { version: 15, engine: 'postgres15' as const },
  { version: 17, engine: 'postgres17' as const },
])('on PostgreSQL $version, as the role that Supabase gives out', ({ version, engine }) => {
  describe.skipIf(engineIsMissing(engine))('which is no superuser', () => {
    let server: Server
    let superuser: Client
    let own: Client
    let url: string
    let directory: string

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'hundredfold-administrator-'))
      server = await startEmbedded({ version, settings: { autovacuum: 'off' } })
      superuser = await connect(server.url())
      await superuser.query(`
        CREATE ROLE administrator LOGIN PASSWORD 'secret' NOSUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS;
        GRANT pg_monitor, pg_read_all_data, pg_signal_backend TO administrator;
        CREATE ROLE platform LOGIN SUPERUSER PASSWORD 'secret'`)
      await superuser.query('CREATE DATABASE shop OWNER administrator')
      const platform = await connect(server.url('shop'))
      await platform.query(`
        SET ROLE platform;
        CREATE EXTENSION pg_stat_statements;
        CREATE SCHEMA auth; GRANT USAGE ON SCHEMA auth TO administrator;
        CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);
        INSERT INTO auth.users SELECT gen_random_uuid(), 'x' FROM generate_series(1, 20000);
        DELETE FROM auth.users WHERE random() < 0.8;
        GRANT SELECT, REFERENCES ON auth.users TO administrator`)
      await platform.end()
      const place = new URL(server.url('shop'))
      ;[place.username, place.password] = ['administrator', 'secret']
      url = place.href
      own = await connect(url)
      await own.query(`
        CREATE ROLE anon NOLOGIN; CREATE ROLE app LOGIN PASSWORD 'secret';
        CREATE TABLE public.orders (id int PRIMARY KEY, placed date NOT NULL, note text);
        INSERT INTO public.orders SELECT n, date '2026-01-01' + n % 300, repeat('x', 100) FROM generate_series(1, 100000) n;
        CREATE INDEX orders_placed_idx ON public.orders (placed);
        DELETE FROM public.orders WHERE id % 2 = 0;
        GRANT SELECT ON public.orders TO anon, app`)
      await own.query('VACUUM ANALYZE public.orders')
    })
    afterAll(async () => {
      await own.end()
      await superuser.end()
      await server.stop()
      await rm(directory, { recursive: true })
    })

    const run = (...args: string[]) => callCommand(args, { environment: { DIRECT_URL: url }, directory })

    test('connections are seen, and idle ones of applications end', async () => {
      const idle = await connect(url.replace('administrator', 'app'), { applicationName: 'forgotten' })
      idle.on('error', () => undefined)
      await new Promise((resolve) => setTimeout(resolve, 1_100))
      const { exitCode, out } = await run('connections', '--terminate-idle', '1s', '--yes', '--json', '-')
      expect(exitCode).toBe(0)
      const { sessions, ended } = JSON.parse(out) as {
        sessions: { role: string; pid: number; application: string }[]
        ended: { pid: number; outcome: string }[]
      }
      const pidsOf = (role: string) =>
        sessions.filter((session) => session.role === role).map(({ pid }) => pid)
      expect(ended.filter(({ outcome }) => outcome === 'ended').map(({ pid }) => pid)).toEqual(
        expect.arrayContaining(pidsOf('app')),
      )
      expect(ended.map(({ pid }) => pid)).not.toEqual(expect.arrayContaining(pidsOf('postgres')))
    })

    test('timeouts of its roles are set by a migration, and taken back exactly', async () => {
      const settings = async () =>
        (await superuser.query('SELECT * FROM pg_db_role_setting ORDER BY setdatabase, setrole')).rows
      const before = await settings()
      const written = await run(
        'optimize',
        '--rules',
        'missing_statement_timeout',
        '--level',
        'info',
        '--yes',
      )
      expect(written).toMatchObject({ exitCode: 0, err: '' })
      expect(await run('migrate', 'up')).toMatchObject({ exitCode: 0 })
      expect(await settings()).not.toEqual(before)
      const { out } = await run('diagnose', '--rules', 'missing_statement_timeout', '--json', '-')
      expect((JSON.parse(out) as { findings: object[] }).findings).toEqual([])
      expect(await run('migrate', 'down', '9')).toMatchObject({ exitCode: 0 })
      expect(await settings()).toEqual(before)
    })

    test('bloat says which table is not its own, refuses it by name, and mends the others', async () => {
      const { exitCode, out } = await run('bloat')
      expect(exitCode).toBe(0)
      expect(out).toContain('by its owner: it belongs to another role than this one')
      const refused = await run('bloat', '--run', 'vacuum', '--table', 'auth.users', '--yes')
      expect(refused).toMatchObject({ exitCode: 5 })
      expect(refused.err).toContain('auth.users belongs to another role')
      const returned = await run(
        ...['bloat', '--run', 'full', '--table', 'orders', '--window', hoursFromNow(-1, 1), '--yes'],
      )
      expect(returned).toMatchObject({ exitCode: 0 })
      expect(returned.out).toMatch(/full {4}public\.orders: [\d.]+ MB (\(.*\) )?returned/)
    })

    test('maintain does what it may, and says what it may not', async () => {
      // 2: findings at the level of an error, 4: worse than in the last report.
      const levels = [0, 2, 4]
      for (const cadence of ['daily', 'weekly', 'monthly', 'quarterly']) {
        const { exitCode, out, err } = await run('maintain', cadence, '--yes')
        expect(levels, `${cadence}: ${err}`).toContain(exitCode)
        expect(err).not.toContain('permission denied')
        if (cadence === 'monthly')
          expect(out).toContain('Cannot vacuum auth.users: it belongs to another role.')
        const again = await run('maintain', cadence, '--yes')
        expect(again.exitCode).toBe(0)
        expect(again.out).toContain('Nothing is due.')
      }
    })

    test('why looks at the database', async () => {
      const { exitCode, out } = await run('why', 'canceling statement due to statement timeout')
      expect(exitCode).toBe(0)
      expect(out).toContain('Here:')
    })
  })
})
