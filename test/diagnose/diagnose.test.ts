import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { diagnose } from '../../src/diagnose/diagnose.ts'
import type { DiagnosisReport } from '../../src/diagnose/report.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { rlsAnalysisText } from '../../src/report/diagnosis/rlsText.ts'
import { diagnosisSummary } from '../../src/report/diagnosis/summary.ts'
import { diagnosisText } from '../../src/report/diagnosis/text.ts'
import { settleCounters } from '../rules/look.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase, urlOf } from '../support/database.ts'
import { untilSomebodyWaitsFor } from '../support/lockWait.ts'

let database: TestDatabase
let superuser: Client
const reader = `reader_${Math.random().toString(36).slice(2)}`
const password = 'only for this test'

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  superuser = await database.connect()
  await superuser.query(`CREATE ROLE ${reader} LOGIN PASSWORD '${password}'; GRANT pg_monitor TO ${reader}`)
})
afterAll(async () => {
  await superuser.query(`DROP OWNED BY ${reader}; DROP ROLE ${reader}`)
  await database.drop()
})

function readerUrl(): string {
  return urlOf(database.name, { user: reader, password })
}

function statusOf({ sections }: DiagnosisReport, id: string): string | undefined {
  return sections.find((section) => section.id === id)?.status
}

/**
 * Counters that grow with everything that this database's sessions write, VACUUM and ANALYZE as well. Left out is what
 * others write meanwhile: other databases into shared catalogs, and autovacuum into the statistics.
 */
async function writesOf(): Promise<unknown> {
  await superuser.query('SELECT pg_stat_clear_snapshot()')
  const { rows } = await superuser.query(
    `SELECT relid::regclass AS relation, n_tup_ins, n_tup_upd, n_tup_del, vacuum_count, analyze_count
     FROM pg_stat_all_tables JOIN pg_class ON pg_class.oid = relid
     WHERE NOT relisshared AND relid NOT IN ('pg_statistic'::regclass, 'pg_statistic_ext_data'::regclass)
     ORDER BY relid`,
  )
  return rows
}

describe('nothing is written', () => {
  test('the counters of writes and the fingerprint stay as they are', async () => {
    const client = await database.connect(database.ownerUrl)
    await settleCounters(superuser)
    const before = { writes: await writesOf(), schema: (await readFingerprint(superuser)).text }
    const { report } = await diagnose(client, { analyze: true })
    await settleCounters(client)
    expect(report.sections.filter(({ status }) => status === 'failed')).toEqual([])
    expect(await writesOf()).toEqual(before.writes)
    expect((await readFingerprint(superuser)).text).toBe(before.schema)
  })

  test('a role that can write nothing is enough, and is told what it does not see', async () => {
    const client = await database.connect(readerUrl())
    await expect(client.query('UPDATE public.cities SET name = name')).rejects.toThrow('permission denied')
    const { report } = await diagnose(client)
    expect(report.sections.filter(({ status }) => status === 'failed')).toEqual([])
    for (const { status, reason } of report.sections) if (status !== 'ok') expect(reason).toBeTruthy()
    expect(report.findings.map(({ rule }) => rule)).toContain('auth_rls_initplan')
    expect(report.metrics.map(({ id }) => id)).toContain('connection_usage')
  })
})

test('the six metrics say whether they are measured, and have their targets', async () => {
  const { report } = await diagnose(await database.connect())
  expect(report.metrics.map(({ id, target, kind }) => [id, target, kind])).toEqual([
    ['connection_usage', 80, 'measured'],
    ['cache_hit_ratio', 99, 'measured'],
    ['sequential_scans', 0, 'measured'],
    ['dead_tuples', 10, 'estimated'],
    ['free_space', 20, 'estimated'],
    // Without pg_stat_statements there is no sixth; its section says why.
  ])
  expect(report.sections.find(({ id }) => id === 'statements_by_total')).toMatchObject({
    status: 'skipped',
    reason: 'pg_stat_statements is not installed in this database',
  })
})

test('sections 6 and 11 to 13 are bloat and the slowest statements', async () => {
  const { report } = await diagnose(await database.connect())
  const text = diagnosisText(report)
  expect(text).toMatch(/^6\. Table bloat/m)
  expect(text).toMatch(/^11\. Slowest statements by total time/m)
  expect(text).toMatch(/^12\. Slowest statements by mean time/m)
  expect(text).toMatch(/^13\. Statements by calls/m)
  expect(text).toMatch(/^19\. Not seen/m)
})

test('notes of a kind share one line, and each of them is in the report', async () => {
  const { report } = await diagnose(await database.connect())
  const small = report.findings.filter(({ infoBecause }) => infoBecause === 'on tables of at most 128 kB')
  expect(small.length).toBeGreaterThan(1)
  const line = `${small.length} of unindexed_foreign_keys on tables of at most 128 kB (info)`
  const text = diagnosisText(report)
  const grouped = text.split('Grouped; report.json lists each of them:\n')[1]?.split('\n\n')[0] ?? ''
  expect(grouped.split('\n')).toContain(`  ${line}`)
  for (const { key } of small) expect(text).not.toContain(key)
  const summary = diagnosisSummary(report)
  expect(summary.replaceAll('\\', '')).toContain(`- ${line}\n`)
  const curable = (level: string) =>
    report.findings.filter((finding) => finding.level === level && finding.remedy.kind === 'migration').length
  expect(summary).toContain(
    `without \`--limit\`, for all ${curable('warn') + curable('error')} findings that have one.`,
  )
  expect(summary).toContain(
    `\`npm run optimize -- --level info\` writes migrations for ${curable('info')} notes too`,
  )
})

test('what policies add up to is written out, with their functions and unindexed columns', async () => {
  const { report, rowSecurity, policiesToNarrow } = await diagnose(await database.connect())
  const text = rlsAnalysisText(rowSecurity ?? { tables: [], functions: [] }, {
    takenAt: report.takenAt,
    narrow: policiesToNarrow,
  })
  expect(text).toContain('Users can view their bookings: permissive, FOR SELECT, TO authenticated')
  expect(text).toContain('was not measured: --analyze')
  expect(text).toMatch(/public\.is_admin\(\)\n {2}stable, plpgsql, SECURITY DEFINER/)
  expect(text).toContain('Columns of policies on which no index leads: customer_id, professional_id, status')
})

test('with analyze the price of each policy is a number', async () => {
  const owner = await database.connect(database.ownerUrl)
  const { report, rowSecurity, rlsCosts, policiesToNarrow } = await diagnose(owner, { analyze: true })
  const text = rlsAnalysisText(rowSecurity ?? { tables: [], functions: [] }, {
    takenAt: report.takenAt,
    narrow: policiesToNarrow,
    ...(rlsCosts ? { costs: rlsCosts } : {}),
  })
  expect(rlsCosts?.identity).toMatchObject({
    role: 'authenticated',
    claims: { sub: expect.any(String) as string },
  })
  expect(text).toMatch(
    /^public\.bookings\n=+\n.*\n.*\nCost: \d+ rows in [\d.]+ ms as authenticated, in [\d.]+ ms bypassing the policies with the same filter: [\d.]+ times$/m,
  )
  expect(text).toMatch(
    / {2}Users can view their bookings: .*\n(?: {4}.*\n)* {4}costs [\d.]+ ms when all rows are read/,
  )
  // Whose rows they are is data, and stays out of the report.
  expect(text).not.toContain(String(rlsCosts?.identity.claims?.['sub']))
})

test('only the schemas asked for', async () => {
  await superuser.query('CREATE SCHEMA other; CREATE TABLE other.without_key (id int)')
  const { report } = await diagnose(await database.connect(), { schemas: ['other'] })
  const schemas = new Set(
    report.findings.filter(({ rule }) => rule === 'no_primary_key').map(({ subject }) => subject[0]),
  )
  expect([...schemas]).toEqual(['other'])
  expect(JSON.stringify(report.sections.find(({ id }) => id === 'table_sizes'))).not.toContain(
    'public.bookings',
  )
  await superuser.query('DROP SCHEMA other CASCADE')
})

describe('a database in the middle of something', () => {
  test('who waits for which relation is shown, with who holds it and what they do', async () => {
    const blocker = await database.connect()
    const waiter = await database.connect()
    await blocker.query('BEGIN; LOCK TABLE public.cities')
    const { rows } = await blocker.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const waiting = waiter.query('SELECT FROM public.cities')
    await untilSomebodyWaitsFor(superuser, 'public.cities')
    const { report } = await diagnose(await database.connect())
    await blocker.query('COMMIT')
    await waiting
    const blocks = report.sections.find(({ id }) => id === 'locks')?.blocks
    const tables = blocks?.flatMap((block) => (block.kind === 'table' ? [block] : []))
    const waits = tables?.find(({ id }) => id === 'lock_waits')
    expect(waits?.rows[0]?.slice(3)).toEqual([
      'public.cities',
      'AccessShareLock',
      `${rows[0]?.pid}`,
      'idle in transaction',
    ])
  })

  test('a table locked exclusively ends no section', async () => {
    const holder = await database.connect()
    await holder.query('BEGIN; LOCK TABLE public.bookings IN ACCESS EXCLUSIVE MODE')
    const { report } = await diagnose(await database.connect())
    for (const id of ['table_sizes', 'table_bloat', 'index_usage', 'troubleshooting', 'locks']) {
      expect(statusOf(report, id), id).toBe('ok')
    }
    await holder.query('ROLLBACK')
  })

  test('a VACUUM FULL that waits is recognised, with its blocker', async () => {
    const [holder, vacuum] = [await database.connect(), await database.connect()]
    await holder.query('BEGIN; LOCK TABLE public.cities IN ACCESS SHARE MODE')
    const { rows } = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const rewriting = vacuum.query('VACUUM FULL public.cities')
    await untilSomebodyWaitsFor(superuser, 'public.cities')
    const text = diagnosisText((await diagnose(await database.connect())).report)
    expect(text).toContain('VACUUM FULL on public.cities')
    expect(text).toContain(`It waits for session ${rows[0]?.pid ?? 0}`)
    await holder.query('ROLLBACK')
    await rewriting
  })

  test('a table dropped at any step of a look costs only some sections, which give it as the reason', async () => {
    const most = 80
    await superuser.query(
      Array.from(
        { length: most },
        (
          _,
          n,
        ) => `CREATE TABLE public.going_${n} AS SELECT generate_series(1, 500) AS id, NULL::uuid AS owner;
          CREATE INDEX ON public.going_${n} (id) WHERE id > 1;
          ALTER TABLE public.going_${n} ENABLE ROW LEVEL SECURITY;
          CREATE POLICY own ON public.going_${n} USING (owner = auth.uid());`,
      ).join('\n'),
    )
    const drops: Promise<unknown>[] = []
    const { report } = await diagnose(await database.connect(), {
      onStep: () => {
        if (drops.length < most) drops.push(superuser.query(`DROP TABLE public.going_${drops.length}`))
      },
    })
    await Promise.all(drops)
    expect(drops.length).toBeGreaterThan(40)
    expect(report.sections.filter(({ status }) => status === 'failed')).toEqual([])
    const skipped = report.sections.filter(({ reason }) => reason?.includes('was dropped while it was read'))
    expect(skipped.length).toBeLessThan(10)
    await superuser.query(
      Array.from({ length: most }, (_, n) => `DROP TABLE IF EXISTS public.going_${n};`).join('\n'),
    )
  })

  test('an aborted run stops', async () => {
    const abort = new AbortController()
    abort.abort()
    await expect(diagnose(await database.connect(), { signal: abort.signal })).rejects.toThrow()
  })
})
