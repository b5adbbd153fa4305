import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CasaoraDatabase } from '../../src/bench/casaora/database.ts'
import { casaoraMigrations, casaoraServer, createCasaora } from '../../src/bench/casaora/database.ts'
import { connect } from '../../src/postgres/connect.ts'
import { compareReports } from '../../src/diagnose/compare.ts'
import { diagnose } from '../../src/diagnose/diagnose.ts'
import type { DiagnosisReport } from '../../src/diagnose/report.ts'
import { readReport } from '../../src/diagnose/readReport.ts'
import { UsageError } from '../../src/errors.ts'
import { runUpWithoutProofs } from '../migrate/run.ts'
import { callCommand, runCommand } from '../support/commandLine.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'

/** A server of its own: what other tests do at the same time (sessions, locks) would be new findings. */
let server: Awaited<ReturnType<typeof startEmbedded>>
let database: CasaoraDatabase
let folder: string
let before: DiagnosisReport
let after: DiagnosisReport
let regressed: DiagnosisReport

async function look(name: string): Promise<DiagnosisReport> {
  const client = await connect(database.superuserUrl)
  const { report } = await diagnose(client)
  await client.end()
  await writeFile(join(folder, name), JSON.stringify(report))
  return report
}

/** The three states of the demo's database: as it came, with its migrations, and with something broken since. */
beforeAll(async () => {
  server = await startEmbedded(casaoraServer)
  database = await createCasaora(server, 'tiny')
  folder = await mkdtemp(join(tmpdir(), 'compare-'))
  before = await look('before.json')
  const client = await connect(database.ownerUrl)
  const { failure } = await runUpWithoutProofs(client, casaoraMigrations)
  if (failure) throw failure
  after = await look('after.json')
  await client.query('CREATE TABLE public.careless (id int)')
  await client.query('INSERT INTO public.careless SELECT generate_series(1, 1000)')
  await client.query(`
    ALTER TABLE public.careless ENABLE ROW LEVEL SECURITY;
    CREATE POLICY careless ON public.careless USING (id::text = auth.uid()::text)`)
  await client.end()
  regressed = await look('regressed.json')
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await server.stop()
})

describe('before and after the migrations of the demo', () => {
  test('what they fixed is listed as fixed', () => {
    const { fixed, regressions } = compareReports(before, after)
    const rules = new Set(fixed.map(({ rule }) => rule))
    expect([...rules]).toContain('auth_rls_initplan')
    expect([...rules]).toContain('unindexed_foreign_keys')
    expect(fixed.map(({ key }) => key)).toContain(
      'auth_rls_initplan public.bookings."Users can view their bookings"',
    )
    expect(regressions).toEqual([])
  })

  test('the command says so and ends with 0', async () => {
    const result = await runCommand(['compare', 'before.json', 'after.json', '--fail-on-regression'], {
      directory: folder,
    })
    expect(result.out).toMatch(/^\d+ new, \d+ fixed/m)
    expect(result.out).toContain('auth_rls_initplan public.bookings')
    expect(result.exitCode).toBe(0)
  })
})

describe('a regression', () => {
  test('is a new warning', () => {
    expect(compareReports(after, regressed).regressions).toContain(
      'new warn: auth_rls_initplan public.careless.careless',
    )
  })

  test('ends with 4 where that is asked for, with 0 where not', async () => {
    const args = ['compare', 'after.json', 'regressed.json', '--json', '-']
    const asked = await callCommand([...args, '--fail-on-regression'], { directory: folder })
    expect(asked.exitCode).toBe(4)
    const document = JSON.parse(asked.out) as { command: string; new: { key: string }[]; unchanged: number }
    expect(document.command).toBe('compare')
    expect(document.new.map(({ key }) => key)).toContain('auth_rls_initplan public.careless.careless')
    expect(typeof document.unchanged).toBe('number')
    expect((await callCommand(args, { directory: folder })).exitCode).toBe(0)
  })

  test('is a metric that was met and no longer is', () => {
    const worse = structuredClone(after)
    for (const metric of worse.metrics)
      if (metric.id === 'connection_usage') Object.assign(metric, { value: 95, met: false })
    expect(compareReports(after, worse).regressions).toEqual(['no longer met: Connection usage'])
  })

  test('is a finding of a more severe level, or one that grew by more than a quarter', () => {
    const finding = {
      key: 'table_bloat public.t',
      rule: 'table_bloat',
      level: 'info' as const,
      subject: ['public', 't'],
      detail: '',
      evidence: [{ name: 'wasted', value: 100, unit: 'bytes', kind: 'measured' as const }],
      remedy: { kind: 'none' as const, title: '' },
    }
    const withWaste = (level: 'info' | 'warn', value: number): DiagnosisReport => ({
      ...after,
      findings: [
        { ...finding, level, evidence: [{ name: 'wasted', value, unit: 'bytes', kind: 'measured' }] },
      ],
    })
    const changes = (one: DiagnosisReport, other: DiagnosisReport): [number, number, number] => {
      const { worse, better, unchanged } = compareReports(one, other)
      return [worse.length, better.length, unchanged]
    }
    expect(changes(withWaste('info', 100), withWaste('warn', 100))).toEqual([1, 0, 0])
    expect(changes(withWaste('info', 100), withWaste('info', 130))).toEqual([1, 0, 0])
    expect(changes(withWaste('info', 130), withWaste('info', 50))).toEqual([0, 1, 0])
    expect(changes(withWaste('info', 100), withWaste('info', 110))).toEqual([0, 0, 1])
  })
})

test('what a rule did not look at is neither fixed nor new', () => {
  const blind = structuredClone(before)
  blind.findings = blind.findings.filter(({ rule }) => rule !== 'auth_rls_initplan')
  for (const section of blind.sections) {
    if (section.id === 'rule/auth_rls_initplan')
      Object.assign(section, { status: 'skipped', reason: 'not allowed' })
  }
  const { fixed, notCompared, regressions } = compareReports(before, blind)
  expect(fixed).toEqual([])
  expect(notCompared.length).toBeGreaterThan(5)
  expect(notCompared[0]?.reason).toContain('not allowed')
  expect(regressions).toEqual([])
  expect(compareReports(blind, before).new).toEqual([])
})

test('counters are not subtracted across a reset', () => {
  expect(compareReports(before, after).counters).toHaveProperty('differences.commits')
  const reset = { ...after, statistics: { ...after.statistics, resetAt: '2026-02-03T00:00:00.000Z' } }
  expect(compareReports(before, reset).counters).toHaveProperty('refused')
  const shrunk = { ...after, counters: { ...after.counters, commits: 0 } }
  expect(compareReports(before, shrunk).counters).toHaveProperty('refused')
})

describe('a report that cannot be compared', () => {
  test('is explained by the command', async () => {
    const { exitCode, err } = await callCommand(['compare', join(folder, 'before.json'), folder])
    expect(exitCode).toBe(5)
    expect(err).toContain('Next: Name a folder that')
  })

  test.each([
    ['does not exist', undefined, 'does not exist'],
    ['is no JSON', '{"schemaVersion": 1', 'not valid JSON'],
    ['is of another version', '{"schemaVersion": 2, "command": "diagnose"}', 'version 2'],
    ['is of an older program without a version', '{"findings": []}', 'no report'],
    ['is another document', '{"schemaVersion": 1, "command": "bench", "takenAt": "x"}', 'no report'],
  ])('that %s ends with 5', async (_, text, message) => {
    const path = join(folder, 'odd.json')
    if (text === undefined) await rm(path, { force: true })
    else await writeFile(path, text)
    const failure = await readReport(path).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(UsageError)
    expect((failure as UsageError).exitCode).toBe(5)
    expect((failure as UsageError).message).toContain(message)
  })
})

test('a report reads back as it was written', async () => {
  const { findings, counters } = await readReport(join(folder, 'before.json'))
  expect({ findings, counters }).toEqual({ findings: before.findings, counters: before.counters })
})
