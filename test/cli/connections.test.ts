import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { callCommand } from '../support/commandLine.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { PgBouncer } from '../support/pgbouncer.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { startSlowStandby } from '../support/slowStandby.ts'

interface Document {
  saturation: { limits: { used: number; limit: number }[]; pooler?: { pools?: object[] }; poolSize?: object }
  urls: { variable: string; route: string; isRight: boolean }[]
  sessions: { pid: number; application: string; state: string; statement: string | null }[]
  blockers: object[]
  horizon: { kind: string; holdsBack: boolean; application: string | null }[]
  sample?: { statements: { statement: string; waits: { event: string }[] }[] }
  ended: { pid: number; outcome: string; reason: string }[]
}

let server: Server
let admin: Client
const open: Client[] = []

/** A session that the tests end together with all others. */
async function session(user: string, application: string, database = 'shop'): Promise<Client> {
  const client = await connect(urlOf(user, database), { applicationName: application })
  open.push(client)
  return client
}

function urlOf(user: string, database = 'shop'): string {
  const url = new URL(server.url(database))
  if (user !== 'superuser') {
    url.username = user
    url.password = 'secret'
  }
  return url.href
}

beforeAll(async () => {
  server = await startEmbedded({ settings: { max_connections: '120', max_prepared_transactions: '2' } })
  admin = await connect(server.url())
  for (const role of ['owner', 'app', 'report', 'stranger']) {
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
  }
  // What Supabase's `postgres` has: no superuser, but the rights to see and to end the sessions of others.
  await admin.query('GRANT pg_read_all_stats, pg_signal_backend, app TO owner')
  await admin.query('CREATE DATABASE shop OWNER owner')
  await admin.query('CREATE DATABASE other')
  const owner = await connect(urlOf('owner'))
  await owner.query('CREATE TABLE public.t (id int PRIMARY KEY, n int); INSERT INTO public.t VALUES (1, 0)')
  await owner.query('GRANT ALL ON public.t TO app, report')
  await owner.end()
})
afterAll(async () => {
  await Promise.all(open.map((client) => client.end().catch(() => undefined)))
  await admin.end()
  await server.stop()
})

async function run(
  args: string[],
  user = 'owner',
): Promise<{ exitCode: number | null; err: string; document: Document }> {
  const { exitCode, out, err } = await callCommand(['connections', '--json', '-', ...args], {
    environment: { DIRECT_URL: urlOf(user) },
  })
  return { exitCode, err, document: JSON.parse(out) as Document }
}

test('sixty sessions of every kind: exactly the idle ones of clients end', async () => {
  const pidOf = async (client: Client) =>
    (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid ?? 0
  const expected: number[] = []
  for (let count = 0; count < 15; count += 1) expected.push(await pidOf(await session('app', 'web')))
  for (let count = 0; count < 5; count += 1) expected.push(await pidOf(await session('owner', 'console')))
  for (let count = 0; count < 5; count += 1) {
    const client = await session('app', 'forgotten')
    await client.query('BEGIN')
    expected.push(await pidOf(client))
  }
  // An error in a transaction leaves it open as well.
  const aborted = await session('app', 'aborted')
  expected.push(await pidOf(aborted))
  await aborted.query('BEGIN')
  await aborted.query('SELECT 1 / 0').catch(() => undefined)
  for (let count = 0; count < 12; count += 1) await session('superuser', 'dashboard')
  for (let count = 0; count < 10; count += 1) await session('app', 'elsewhere', 'other')
  const standby = await startSlowStandby(server.url(), 'standby')
  const busy = await Promise.all(Array.from({ length: 9 }, () => session('app', 'busy')))
  const work = busy.map((client) => client.query('SELECT pg_sleep(4)').catch((error: unknown) => error))
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  const fresh = [await session('app', 'fresh'), await session('report', 'fresh')]
  const using = setInterval(() => {
    for (const client of fresh) void client.query('SELECT 1')
  }, 100)

  const listed = await callCommand(
    ['connections', '--terminate-idle', '1s', '--terminate-idle-in-transaction', '1s'],
    { environment: { DIRECT_URL: urlOf('owner') } },
  )
  expect(listed.exitCode).toBe(5)
  expect(listed.out).toContain('End session')
  expect(listed.err).toContain('--yes')

  const { exitCode, document } = await run([
    '--terminate-idle',
    '1s',
    '--terminate-idle-in-transaction',
    '1s',
    '--yes',
  ])
  clearInterval(using)
  expect(exitCode).toBe(0)
  expect(document.ended.map(({ pid }) => pid).sort()).toEqual(expected.sort())
  expect(document.ended.every(({ outcome }) => outcome === 'ended')).toBe(true)
  for (const client of [...fresh, ...open.filter((each) => each.user === undefined)])
    await client.query('SELECT 1')
  const { rows } = await admin.query<{ application: string; sessions: number }>(
    `SELECT application_name AS application, count(*)::int AS sessions FROM pg_stat_activity
     WHERE application_name IN ('web', 'console', 'forgotten', 'aborted', 'dashboard', 'elsewhere', 'standby', 'busy', 'fresh')
     GROUP BY 1 ORDER BY 1`,
  )
  expect(rows).toEqual([
    { application: 'busy', sessions: 9 },
    { application: 'dashboard', sessions: 12 },
    { application: 'elsewhere', sessions: 10 },
    { application: 'fresh', sessions: 2 },
    { application: 'standby', sessions: 1 },
  ])
  expect(await Promise.all(work)).not.toContainEqual(expect.any(Error))
  await standby.end()
})

test('what may not be ended is named, and the rest goes on', async () => {
  await session('stranger', 'mine')
  await session('report', 'not mine')
  await admin.query('GRANT pg_read_all_stats TO stranger')
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const { exitCode, err, document } = await run(['--terminate-idle', '1s', '--yes'], 'stranger')
  expect(exitCode).toBe(2)
  expect(err).toMatch(/could not be ended: \d+: permission denied to terminate process/)
  expect(document.ended.filter(({ outcome }) => outcome === 'ended')).toHaveLength(1)
  expect(document.ended.filter(({ outcome }) => outcome === 'refused').length).toBeGreaterThan(0)
})

test('blockers are a tree, and what holds VACUUM back has a name', async () => {
  const [first, second, third] = [
    await session('app', 'first'),
    await session('app', 'second'),
    await session('owner', 'third'),
  ]
  await first.query(`BEGIN; UPDATE public.t SET n = 1 WHERE id = 1`)
  const waiting = [
    second.query('UPDATE public.t SET n = 2 WHERE id = 1').catch(() => undefined),
    new Promise((resolve) => setTimeout(resolve, 200)).then(() =>
      third.query(`ALTER TABLE public.t ADD COLUMN note text`).catch(() => undefined),
    ),
  ]
  await expect
    .poll(async () => (await run([])).document.blockers)
    .toMatchObject([
      {
        waiting: expect.arrayContaining([
          expect.objectContaining({
            waitsFor: expect.objectContaining({ rowOf: ['public', 't'] }) as object,
          }),
          expect.objectContaining({
            waitsFor: expect.objectContaining({ relation: ['public', 't'] }) as object,
          }),
        ]) as object[],
      },
    ])
  const { document } = await run([])
  expect(document.horizon.find(({ holdsBack }) => holdsBack)).toMatchObject({ kind: 'session' })
  const shown = await callCommand(['connections'], { environment: { DIRECT_URL: urlOf('owner') } })
  expect(shown.out).toMatch(/2 sessions wait for locks:\n\d+ app, idle in transaction holds up 2/)
  expect(shown.out).toContain('on a row of public.t')
  // No value of a row is shown.
  expect(shown.out).not.toContain('n = 1')
  await first.query('ROLLBACK')
  await Promise.all(waiting)
})

test('a sample says what statements wait for, and how large a pool they need', async () => {
  const busy = await session('app', 'sampled')
  const work = busy.query('SELECT pg_sleep(3), 4711')
  const { document } = await run(['--sample', '2s', '--cores', '2'])
  expect(document.sample?.statements).toMatchObject([
    { statement: 'SELECT pg_sleep(…), …', waits: [{ event: 'Timeout: PgSleep' }] },
  ])
  expect(document.saturation.poolSize).toMatchObject({ size: expect.any(Number) as number })
  await work
})

test('--watch only shows', async () => {
  const { exitCode, err } = await callCommand(['connections', '--watch', '--terminate-idle', '1s'], {
    environment: { DIRECT_URL: urlOf('owner') },
  })
  expect(exitCode).toBe(5)
  expect(err).toContain('--watch only shows')
})

describe.skipIf(engineIsMissing('pgbouncer'))('behind PgBouncer', () => {
  let pool: PgBouncer

  beforeAll(async () => {
    pool = await startPgBouncer({ mode: 'transaction', logins: [urlOf('owner')] })
  })
  afterAll(() => pool.stop())

  test('each URL is tried, and the pooler is asked', async () => {
    const { out } = await callCommand(['connections', '--json', '-'], {
      environment: { DIRECT_URL: urlOf('owner'), DATABASE_URL: pool.url(urlOf('owner')) },
    })
    const document = JSON.parse(out) as Document
    expect(document.urls).toMatchObject([
      { variable: 'DIRECT_URL', route: 'direct', isRight: true },
      { variable: 'DATABASE_URL', route: 'transaction pooler', isRight: true },
    ])
    expect(document.saturation.pooler?.pools).toMatchObject([
      { database: 'shop', user: 'owner', mode: 'transaction' },
    ])
    expect(out).not.toContain('secret')
  })
})
