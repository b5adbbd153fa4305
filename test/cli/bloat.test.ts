import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { installDebianExtension } from '../../src/bench/partition/debianExtension.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { findBloat } from '../../src/operate/bloat/findBloat.ts'
import { fullAction } from '../../src/operate/bloat/full.ts'
import type { Outcome } from '../../src/operate/bloat/runActions.ts'
import { runActions } from '../../src/operate/bloat/runActions.ts'
import { openWindow } from '../../src/operate/bloat/window.ts'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import type { CommandResult } from '../support/commandLine.ts'
import { callCommand } from '../support/commandLine.ts'
import { settleCounters } from '../rules/look.ts'
import { engineIsMissing } from '../support/engines.ts'
import { hoursFromNow } from '../support/hours.ts'

interface Document {
  tables: {
    name: [string, string]
    wastedBytes: number
    kind: string
    remedy: string | null
    foretold?: { returnsBytes: number }
    space: { heapWasted: number; toastWasted: number; indexWasted: number }
    ran?: string
    returnedBytes?: number
  }[]
}

describe.skipIf(engineIsMissing('pg_repack'))('on PostgreSQL 15, as an owner who is no superuser', () => {
  let server: Server
  let superuser: Client
  let owner: Client

  beforeAll(async () => {
    server = await startEmbedded({ version: 15, settings: { autovacuum: 'off' } })
    superuser = await connect(server.url())
    await superuser.query(`CREATE ROLE owner LOGIN PASSWORD 'secret'`)
    await superuser.query('CREATE DATABASE shop OWNER owner')
    const inShop = await connect(server.url('shop'))
    await inShop.query('CREATE EXTENSION pgstattuple')
    await inShop.query('GRANT pg_stat_scan_tables, pg_read_all_settings TO owner')
    await installDebianExtension(inShop, 'pg_repack', 'repack')
    await inShop.query(
      `GRANT USAGE, CREATE ON SCHEMA repack TO owner; GRANT ALL ON ALL TABLES IN SCHEMA repack TO owner`,
    )
    await inShop.end()
    owner = await connect(urlOf())
  })
  afterAll(async () => {
    await owner.end()
    await superuser.end()
    await server.stop()
  })

  function urlOf(): string {
    const url = new URL(server.url('shop'))
    url.username = 'owner'
    url.password = 'secret'
    return url.href
  }

  /** pg_repack before version 1.5 works for superusers only. */
  async function run(...args: string[]): Promise<CommandResult & { document: Document | undefined }> {
    const url = args.includes('repack') ? server.url('shop') : urlOf()
    const result = await callCommand(['bloat', '--json', '-', ...args], { environment: { DIRECT_URL: url } })
    return { ...result, document: result.out === '' ? undefined : (JSON.parse(result.out) as Document) }
  }

  /** Two fifths of its rows are gone, evenly. */
  async function makeBloated(): Promise<void> {
    await owner.query(`
      DROP TABLE IF EXISTS public."Bookings";
      CREATE TABLE public."Bookings" (id int PRIMARY KEY, day int NOT NULL, note text NOT NULL, essay text);
      ALTER TABLE public."Bookings" ALTER COLUMN essay SET STORAGE EXTERNAL;
      INSERT INTO public."Bookings"
        SELECT id, id % 365, repeat(md5(id::text), 4), CASE WHEN id % 41 = 0 THEN repeat(md5(id::text), 150) END
        FROM generate_series(1, 200000) id;
      CREATE INDEX bookings_day_idx ON public."Bookings" (day, id);
      DELETE FROM public."Bookings" WHERE id % 5 < 2`)
    await owner.query('VACUUM (ANALYZE) public."Bookings"')
  }

  describe('done', () => {
    beforeEach(makeBloated)

    test('what is empty is measured, with the remedy, its lock and the disk it needs', async () => {
      const { document, exitCode } = await run()
      expect(exitCode).toBe(0)
      expect(document?.tables[0]).toMatchObject({
        name: ['public', 'Bookings'],
        kind: 'measured',
        remedy: 'repack',
        foretold: { lock: expect.stringContaining('moments') as string },
      })
      const { out } = await callCommand(['bloat'], { environment: { DIRECT_URL: urlOf() } })
      expect(out).toContain('--run repack')
      expect(out).toMatch(/needs [\d.]+ MB of free disk/)
    })

    test.each(['full', 'repack'] as const)('%s gives back what was foretold', async (kind) => {
      const before = await readFingerprint(owner)
      const { document, exitCode, err } = await run('--run', kind, '--window', hoursFromNow(-1, 1), '--yes')
      expect(err).not.toContain('Next:')
      expect(exitCode).toBe(0)
      const [table] = document?.tables ?? []
      expect(table).toMatchObject({ ran: kind })
      const foretold = table?.foretold?.returnsBytes ?? 0
      expect((table?.returnedBytes ?? 0) / foretold).toBeGreaterThan(0.9)
      expect((table?.returnedBytes ?? 0) / foretold).toBeLessThan(1.1)
      expect(await readFingerprint(owner)).toEqual(before)
      const { rows } = await owner.query('SELECT count(*)::int AS rows FROM public."Bookings"')
      expect(rows).toEqual([{ rows: 120_000 }])
    })

    test('a rewrite that is cancelled in the middle leaves the table as it was', async () => {
      const { tables } = await findBloat(owner)
      const [table] = tables
      if (!table) throw new Error('there is no table')
      const watcher = await connect(urlOf())
      const stop = new AbortController()
      const looking = setInterval(() => {
        void watcher
          .query('SELECT FROM pg_stat_progress_cluster WHERE heap_blks_scanned > 10')
          .then(({ rowCount }) => {
            if (rowCount === 1) stop.abort()
          })
          .catch(() => undefined)
      }, 5)
      const hours = { begin: 0, end: 24 * 60 }
      const action = fullAction(table, { watcher, signal: stop.signal, onProgress: () => undefined, hours })
      const node = async () =>
        (await owner.query<{ node: number }>(`SELECT pg_relation_filenode('public."Bookings"') AS node`)).rows
      const before = await node()
      await expect(action.run(owner)).rejects.toThrow('abort')
      clearInterval(looking)
      await watcher.end()
      expect(await node()).toEqual(before)
      expect((await owner.query('SELECT count(*)::int AS rows FROM public."Bookings"')).rows).toEqual([
        { rows: 120_000 },
      ])
    })

    test('indexes are rebuilt alone where the table is named', async () => {
      const { document, exitCode } = await run('--run', 'reindex', '--table', '"Bookings"', '--yes')
      expect(exitCode).toBe(0)
      const [table] = document?.tables ?? []
      const foretold = table?.space.indexWasted ?? 0
      expect(foretold).toBeGreaterThan(1_000_000)
      expect(Math.abs((table?.returnedBytes ?? 0) / foretold - 1)).toBeLessThan(0.1)
    })

    test('rows that nobody has vacuumed yet are foretold too, in heap, TOAST and indexes', async () => {
      await owner.query('DELETE FROM public."Bookings" WHERE id % 5 = 2')
      await settleCounters(owner)
      const before = (await run('--table', '"Bookings"')).document?.tables[0]
      expect(before?.space.toastWasted).toBeGreaterThan(1_000_000)
      const rebuilt = (await run('--run', 'reindex', '--table', '"Bookings"', '--yes')).document?.tables[0]
      const foretold = before?.space.indexWasted ?? 0
      expect(Math.abs((rebuilt?.returnedBytes ?? 0) / foretold - 1)).toBeLessThan(0.1)
    })

    test('a writer goes on while a table is repacked', async () => {
      const writer = await connect(urlOf())
      let isOver = false
      let writes = 0
      const writing = (async () => {
        while (!isOver) {
          writes += 1
          await writer.query(`INSERT INTO public."Bookings" VALUES ($1, 1, 'new')`, [1_000_000 + writes])
        }
      })()
      const { exitCode } = await run('--run', 'repack', '--table', '"Bookings"', '--yes')
      isOver = true
      await writing
      await writer.end()
      expect(exitCode).toBe(0)
      const { rows } = await owner.query('SELECT count(*)::int AS rows FROM public."Bookings"')
      expect(rows).toEqual([{ rows: 120_000 + writes }])
    })
  })

  describe('refused, or not begun', () => {
    beforeAll(makeBloated)

    test('pg_repack that wants a superuser is refused for another role', async () => {
      const { exitCode, err } = await callCommand(['bloat', '--run', 'repack', '--yes'], {
        environment: { DIRECT_URL: urlOf() },
      })
      expect(exitCode).toBe(5)
      expect(err).toContain('pg_repack 1.4.8 works for superusers only')
    })

    test('full is refused without a window', async () => {
      const { exitCode, err } = await run('--run', 'full', '--yes')
      expect(exitCode).toBe(5)
      expect(err).toContain('--window 02:00-04:00')
    })

    test('a window that has passed is waited for, and until then nothing is done', async () => {
      const node = async () =>
        (await owner.query<{ node: number }>(`SELECT pg_relation_filenode('public."Bookings"') AS node`)).rows
      const before = await node()
      const { out, exitCode } = await callCommand(
        ['bloat', '--run', 'full', '--table', '"Bookings"', '--window', hoursFromNow(-2, -1), '--yes'],
        { environment: { DIRECT_URL: urlOf() }, signal: AbortSignal.timeout(3_000) },
      )
      expect(out).toContain(`Waiting for the hours ${hoursFromNow(-2, -1)}.`)
      expect(exitCode).toBe(1)
      expect(await node()).toEqual(before)
    })

    test('a window that ends in the middle cancels the rewrite, and the table is as it was', async () => {
      const [table] = (await findBloat(owner)).tables
      if (!table) throw new Error('there is no table')
      const watcher = await connect(urlOf())
      // Somebody reads the table, so that the rewrite waits; meanwhile the clock passes the end.
      const reader = await connect(urlOf())
      await reader.query('BEGIN; SELECT FROM public."Bookings" LIMIT 1')
      let now = new Date(2026, 0, 1, 3, 59)
      const hours = { begin: 2 * 60, end: 4 * 60 }
      const window = openWindow(new AbortController().signal, hours, { now: () => now })
      const tools = { watcher, signal: window.signal, onProgress: () => undefined }
      const action = fullAction(table, { ...tools, hours: { begin: 0, end: 24 * 60 } })
      const outcome: Outcome = { returned: [], failures: [] }
      const run = runActions(owner, [action], window, outcome)
      setTimeout(() => (now = new Date(2026, 0, 1, 4, 0)), 500)
      await expect(run).rejects.toMatchObject({
        exitCode: 3,
        message: expect.stringContaining('The hours 02:00-04:00 have ended') as string,
      })
      expect(outcome).toEqual({ returned: [], failures: [] })
      await reader.end()
      await watcher.end()
      expect((await owner.query('SELECT FROM public."Bookings"')).rowCount).toBe(120_000)
    })

    test('pg_repack of another version than its extension is refused', async () => {
      const inShop = await connect(server.url('shop'))
      await inShop.query(`UPDATE pg_extension SET extversion = '1.4.7' WHERE extname = 'pg_repack'`)
      const { exitCode, err } = await run('--run', 'repack', '--yes')
      await inShop.query(`UPDATE pg_extension SET extversion = '1.4.8' WHERE extname = 'pg_repack'`)
      await inShop.end()
      expect(exitCode).toBe(5)
      expect(err).toContain('The extension pg_repack has version 1.4.7, and the program here 1.4.8')
    })

    test('a table of another role is refused by name, and left out where none is named', async () => {
      const inShop = await connect(server.url('shop'))
      await inShop.query(
        'ALTER TABLE public."Bookings" OWNER TO postgres; GRANT SELECT ON public."Bookings" TO owner',
      )
      const named = await run('--run', 'vacuum', '--table', '"Bookings"', '--yes')
      const unnamed = await run('--run', 'vacuum', '--yes')
      await inShop.query('ALTER TABLE public."Bookings" OWNER TO owner')
      await inShop.end()
      expect(named.exitCode).toBe(5)
      expect(named.err).toContain('public."Bookings" belongs to another role')
      expect(unnamed.exitCode).toBe(0)
      expect(unnamed.err).toContain('No table needs --run vacuum.')
    })

    test('a full disk is foreseen', async () => {
      const { exitCode, err } = await run('--run', 'repack', '--free-disk', '1MB', '--yes')
      expect(exitCode).toBe(2)
      expect(err).toMatch(/needs [\d.]+ MB of free disk, and there are 1 MB; nothing was done/)
    })

    test('nothing is done without a yes', async () => {
      const { exitCode, err } = await run('--run', 'repack')
      expect(exitCode).toBe(5)
      expect(err).toContain('--yes')
      expect((await run()).document?.tables[0]?.remedy).toBe('repack')
    })
  })
})
