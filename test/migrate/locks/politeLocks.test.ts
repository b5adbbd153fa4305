import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RunEvent } from '../../../src/migrate/runOptions.ts'
import { connect } from '../../../src/postgres/connect.ts'
import type { EmbeddedServer } from '../../../src/servers/embedded.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Engine } from '../../support/engines.ts'
import { engineIsMissing } from '../../support/engines.ts'
import type { MigrationDirectory } from '../../support/migrationFiles.ts'
import { migrationDirectory, sqlMigration } from '../../support/migrationFiles.ts'
import { runDown, runUp } from '../run.ts'

const name = '20260101000000000_add-note'
const addNote = {
  up: ['ALTER TABLE public.bookings ADD note text'],
  down: ['ALTER TABLE public.bookings DROP note'],
}

describe.each([14, 15, 16, 17, 18])('on PostgreSQL %i', (version) => {
  const missing = version !== 18 && engineIsMissing(`postgres${version}` as Engine)
  let server: EmbeddedServer
  let superuser: Client
  /** The runner's session: of a role that owns the table, and sees other roles' locks but not what they do. */
  let runner: Client
  let files: MigrationDirectory
  const opened: Client[] = []

  beforeAll(async () => {
    if (missing) return
    server = await startEmbedded({
      version,
      settings: { max_prepared_transactions: '5', autovacuum_naptime: '1', autovacuum: 'off' },
    })
    superuser = await connect(server.url())
    await superuser.query(`CREATE ROLE deployer LOGIN PASSWORD 'deployer'`)
    await superuser.query('CREATE DATABASE shop OWNER deployer')
    await superuser.end()
    superuser = await connect(server.url('shop'))
    await superuser.query('GRANT CREATE ON SCHEMA public TO deployer')
    runner = await open('hundredfold')
  })
  beforeEach(async () => {
    if (missing) return
    await superuser.query('DROP SCHEMA IF EXISTS hundredfold CASCADE; DROP TABLE IF EXISTS public.bookings')
    await runner.query(
      'CREATE TABLE public.bookings (id int); INSERT INTO public.bookings SELECT generate_series(1, 9)',
    )
    files = await migrationDirectory({ [`${name}.ts`]: sqlMigration(addNote) })
  })
  afterEach(async () => {
    if (missing) return
    await Promise.all(opened.splice(1).map((client) => client.end()))
    await files[Symbol.asyncDispose]()
  })
  afterAll(async () => {
    if (missing) return
    await Promise.all(opened.map((client) => client.end()))
    await superuser.end()
    await server.stop()
  })

  /** A session of the role that runs the migrations, or of the superuser, whose doings that role may not see. */
  async function open(applicationName: string, as: 'deployer' | 'superuser' = 'deployer'): Promise<Client> {
    const url = new URL(server.url('shop'))
    if (as === 'deployer') {
      url.username = 'deployer'
      url.password = 'deployer'
    }
    const client = await connect(url.href, { applicationName })
    opened.push(client)
    return client
  }

  async function columns(): Promise<string[]> {
    const { rows } = await superuser.query<{ name: string }>(
      `SELECT attname AS name FROM pg_attribute
       WHERE attrelid = 'public.bookings'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    )
    return rows.map((row) => row.name)
  }

  /** Notes, again and again, the locks that the runner stands in line for. */
  function watchQueue(): { stop(): Promise<Set<string>> } {
    const { processID } = runner as Client & { processID: number }
    const seen = new Set<string>()
    let stopped = false
    const watching = (async () => {
      while (!stopped) {
        const { rows } = await superuser.query<{ mode: string }>(
          'SELECT mode FROM pg_locks WHERE pid = $1 AND NOT granted',
          [processID],
        )
        for (const { mode } of rows) seen.add(mode)
        await sleep(2)
      }
    })()
    return {
      stop: async () => {
        stopped = true
        await watching
        return seen
      },
    }
  }

  /** Resolves when the runner has said that somebody holds it up; collects what it says. */
  function listen() {
    const events: RunEvent[] = []
    let tell: () => void = () => undefined
    const heldUp = new Promise<void>((resolve) => (tell = resolve))
    const onEvent = (event: RunEvent) => {
      events.push(event)
      if (event.kind === 'heldUp') tell()
    }
    return { events, heldUp, onEvent }
  }

  describe.skipIf(missing).each(['deployer', 'superuser'] as const)('behind a reader who is %s', (as) => {
    test.each([false, true])(
      'it waits without queueing, and gets through (step by step: %s)',
      async (noTransaction) => {
        await files.write(`${name}.ts`, sqlMigration({ ...addNote, noTransaction }))
        const reader = await open('report', as)
        const client = await open('shop')
        // Who has just come may be gone in a moment; who is there for a while is waited for.
        await reader.query('BEGIN; SELECT FROM public.bookings; SELECT pg_sleep(0.1)')
        const queue = watchQueue()
        const { heldUp, events, onEvent } = listen()
        const running = runUp(runner, files.path, { onEvent })
        await heldUp
        for (let turn = 0; turn < 50; turn += 1) {
          await client.query('SELECT FROM public.bookings; UPDATE public.bookings SET id = id WHERE id = 1')
          await sleep(10)
        }
        expect(await queue.stop()).toEqual(new Set())
        await reader.query('COMMIT')
        const { failure } = await running
        expect(failure).toBeUndefined()
        expect(await columns()).toEqual(['id', 'note'])
        expect(events.map(({ kind }) => kind)).not.toContain('retrying')

        await reader.query('BEGIN; SELECT FROM public.bookings; SELECT pg_sleep(0.1)')
        const back = listen()
        const goingBack = runDown(runner, files.path, { onEvent: back.onEvent })
        await back.heldUp
        await reader.query('COMMIT')
        expect((await goingBack).failure).toBeUndefined()
        expect(await columns()).toEqual(['id'])
      },
    )
  })

  test.skipIf(missing)(
    'at the end of the budget it names who is in the way, without what may be secret',
    async () => {
      const reader = await open('nightly report')
      await reader.query('BEGIN')
      await reader.query(`SELECT 'secret' AS password FROM public.bookings`)
      const { failure } = await runUp(runner, files.path, { lockBudgetMs: 300 })
      const { processID } = reader as Client & { processID: number }
      expect(failure).toMatchObject({ exitCode: 3, details: [expect.stringContaining('nightly report')] })
      expect(failure?.message).toMatch(
        new RegExp(
          `server process ${processID} \\(nightly report\\): its transaction has been open for [^,]*, idle in transaction, AccessShareLock on public.bookings; last statement: SELECT \\? AS password FROM public.bookings$`,
        ),
      )
      expect(failure?.next).toContain(`SELECT pg_terminate_backend(${processID})`)
      expect(await columns()).toEqual(['id'])
    },
  )

  test.skipIf(missing)('of a parallel query the session is named, and not its workers', async () => {
    const reader = await open('nightly report')
    await reader.query(
      'SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0',
    )
    await reader.query(
      'INSERT INTO public.bookings SELECT generate_series(1, 20000); ANALYZE public.bookings',
    )
    const cancelled = expect(
      reader.query('SELECT FROM public.bookings WHERE pg_sleep(0.5) IS NULL'),
    ).rejects.toThrow('canceling')
    const areThere = async () =>
      (await superuser.query(`SELECT FROM pg_stat_activity WHERE backend_type = 'parallel worker'`))
        .rowCount !== 0
    while (!(await areThere())) await sleep(10)
    const { failure } = await runUp(runner, files.path, { lockBudgetMs: 200 })
    await superuser.query('SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
      'nightly report',
    ])
    await cancelled
    expect(failure?.details).toHaveLength(1)
  })

  test.skipIf(missing)('a prepared transaction is named', async () => {
    const client = await open('bank')
    await client.query(`BEGIN; SELECT FROM public.bookings; PREPARE TRANSACTION 'it''s left'`)
    try {
      const { failure } = await runUp(runner, files.path, { lockBudgetMs: 300 })
      expect(failure?.exitCode).toBe(3)
      expect(failure?.message).toContain(
        `prepared transaction 'it''s left': its transaction has been open for`,
      )
      expect(failure?.next).toContain(`ROLLBACK PREPARED 'it''s left'`)
    } finally {
      await client.query(`ROLLBACK PREPARED 'it''s left'`)
    }
  })

  test.skipIf(missing)(
    'where the statement does not say what it locks, the longest transaction is suspected',
    async () => {
      await files.write(
        `${name}.ts`,
        sqlMigration({ ...addNote, up: [`DO 'BEGIN ${addNote.up[0] ?? ''}; END'`] }),
      )
      const reader = await open('nightly report')
      await reader.query('BEGIN; SELECT FROM public.bookings')
      const { failure } = await runUp(runner, files.path, { lockBudgetMs: 500, lockTimeoutMs: 100 })
      expect(failure?.exitCode).toBe(3)
      expect(failure?.message).toMatch(/perhaps in the way:\n {2}server process \d+ \(nightly report\)/)
    },
  )

  test.skipIf(missing)(
    'nobody is waited for if the goal is met already, or if a condition fails',
    async () => {
      const reader = await open('report')
      await reader.query('BEGIN; SELECT FROM public.bookings')
      const { onEvent, events } = listen()
      const optimization = (goal: string) => `{ why: 'w', rule: 'r',
      before: [{ description: 'before', check: async () => ({ holds: false, expected: 'a', actual: 'b' }) }],
      after: [{ description: 'after', check: async () => (${goal}) }] }`
      await files.write(
        `${name}.ts`,
        sqlMigration({ ...addNote, optimization: optimization('{ holds: true }') }),
      )
      expect((await runUp(runner, files.path, { onEvent })).ran[0]?.adopted).toBe(true)
      const unmet = optimization(`{ holds: false, expected: 'a', actual: 'b' }`)
      await files.write('20260102000000000_other.ts', sqlMigration({ ...addNote, optimization: unmet }))
      expect((await runUp(runner, files.path, { onEvent })).failure?.exitCode).toBe(2)
      expect(events.map(({ kind }) => kind)).not.toContain('heldUp')
    },
  )

  test.skipIf(missing).each([
    [
      'many short transactions',
      4,
      'BEGIN; SELECT FROM bookings; UPDATE bookings SET id = id WHERE id = 1; COMMIT',
    ],
    [
      'transactions that overlap without a gap',
      3,
      'BEGIN; SELECT FROM bookings; SELECT pg_sleep(0.15); COMMIT',
    ],
  ])('it gets through on a table with %s, and no client fails', async (_, count, transaction) => {
    let stopped = false
    const clients = await Promise.all(
      Array.from({ length: count }, (__, at) => open('shop', at % 2 === 0 ? 'deployer' : 'superuser')),
    )
    const errors: unknown[] = []
    const load = clients.map(async (client, at) => {
      await sleep(50 * at)
      while (!stopped) await client.query(transaction).catch((error: unknown) => errors.push(error))
    })
    await sleep(200)
    const { failure } = await runUp(runner, files.path)
    stopped = true
    await Promise.all(load)
    expect(failure).toBeUndefined()
    expect(errors).toEqual([])
    expect(await columns()).toEqual(['id', 'note'])
  })

  test.skipIf(missing)('autovacuum gives way, and nobody waits meanwhile', async () => {
    // This session goes on with queries, so that an old server hears of the dead rows.
    await superuser.query(`CREATE TABLE public.slow (id int) WITH (autovacuum_vacuum_threshold = 0,
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)`)
    await superuser.query('ALTER TABLE public.slow OWNER TO deployer')
    await superuser.query('INSERT INTO public.slow SELECT generate_series(1, 50000); DELETE FROM public.slow')
    await superuser.query('ALTER SYSTEM SET autovacuum = on')
    await superuser.query('SELECT pg_reload_conf()')
    try {
      const isVacuumed = async () =>
        (
          await superuser.query(
            `SELECT FROM pg_stat_progress_vacuum WHERE relid = 'public.slow'::regclass AND heap_blks_scanned > 0`,
          )
        ).rowCount === 1
      while (!(await isVacuumed())) await sleep(50)
      await files.write(
        `${name}.ts`,
        sqlMigration({ up: ['ALTER TABLE public.slow ADD note text'], down: ['DROP TABLE public.slow'] }),
      )
      const queue = watchQueue()
      const { failure } = await runUp(runner, files.path, { lockBudgetMs: 20_000 })
      expect(failure).toBeUndefined()
      // Reads and writes pass by a lock of this mode that is waited for.
      expect(await queue.stop()).toEqual(new Set(['ShareUpdateExclusiveLock']))
    } finally {
      await superuser.query('ALTER SYSTEM RESET autovacuum')
      await superuser.query('SELECT pg_reload_conf(); DROP TABLE public.slow')
    }
  })
})
