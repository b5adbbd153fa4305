import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CommandResult } from '../support/commandLine.ts'
import { callCommand, runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let folder: string

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  folder = mkdtempSync(join(tmpdir(), 'diagnose-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await database.drop()
})

/** Reports are named by the second: those that one process makes in a row go to folders of their own. */
function run(...args: string[]): Promise<CommandResult> {
  return callCommand(['diagnose', ...args], inFolder())
}

function inFolder() {
  return { directory: folder, environment: { DIRECT_URL: database.ownerUrl } }
}

function reports(): string[] {
  return readdirSync(folder).filter((name) => /^diagnostics-\d{8}-\d{6}$/.test(name))
}

test('one command writes the five files, and prints no secret', async () => {
  const result = await runCommand(['diagnose'], inFolder())
  expect(result.exitCode).toBe(0)
  const [report] = reports()
  expect(readdirSync(join(folder, report ?? '')).sort()).toEqual([
    'SUMMARY.md',
    'diagnostics-report.txt',
    'report.html',
    'report.json',
    'rls-analysis.txt',
  ])
  const password = new URL(database.ownerUrl).password
  const everything = readdirSync(join(folder, report ?? '')).map((name) =>
    readFileSync(join(folder, report ?? '', name), 'utf8'),
  )
  expect(result.out + result.err + everything.join('')).not.toContain(password)
  const summary = readFileSync(join(folder, report ?? '', 'SUMMARY.md'), 'utf8')
  expect(summary.split('\n').length).toBeLessThan(50)
})

test('standard output has only the JSON document, in the promised form', async () => {
  const { out, exitCode } = await runCommand(
    ['diagnose', '--json', '-', '--rules', 'auth_rls_initplan', '--fail-on', 'error'],
    inFolder(),
  )
  expect(exitCode).toBe(0)
  const document = JSON.parse(out) as {
    schemaVersion: number
    command: string
    server: { version: string; provider: string }
    statistics: object
    sections: { id: string; status: string }[]
    metrics: { trend?: object }[]
    findings: { key: string; rule: string; evidence: object[]; remedy: { kind: string } }[]
  }
  expect([document.schemaVersion, document.command]).toEqual([1, 'diagnose'])
  expect(Object.keys(document.statistics).sort()).toEqual(['ageDays', 'resetAt'])
  expect(new Set(document.findings.map(({ rule }) => rule))).toEqual(new Set(['auth_rls_initplan']))
  expect(document.findings[0]?.remedy).not.toHaveProperty('operation')
  // The report of the test before stands in the same place.
  expect(document.metrics.some(({ trend }) => trend)).toBe(true)
})

test('findings at the level asked for end with 2', async () => {
  expect((await run('--fail-on', 'warn', '--out', 'failing')).exitCode).toBe(2)
})

test('the ignore file leaves findings out, and its own entries are looked at', async () => {
  mkdirSync(join(folder, '.hundredfold'))
  writeFileSync(
    join(folder, '.hundredfold/ignore.yaml'),
    `- { rule: auth_rls_initplan, subject: "*", reason: known }\n- { rule: auth_rls_initplan, subject: gone, reason: old }\n`,
  )
  const { out } = await run('--json', '-', '--rules', 'auth_rls_initplan', '--out', 'ignoring')
  const document = JSON.parse(out) as { findings: { rule: string }[]; ignored: object[] }
  expect(document.findings.map(({ rule }) => rule)).toEqual(['ignore_entry'])
  expect(document.ignored.length).toBeGreaterThan(5)
  rmSync(join(folder, '.hundredfold'), { recursive: true })
})

describe('wrong use is explained and ends with 5', () => {
  test.each([
    [['--rules', 'no_such_rule'], 'There is no rule called no_such_rule'],
    [['--fail-on', 'panic'], 'Allowed choices'],
    [['--allow-writes'], '--allow-writes has no effect without --analyze'],
    [['--out', '/dev/null/nowhere'], 'Cannot write the report'],
  ])('%j', async (args, message) => {
    const { exitCode, err } = await run(...args)
    expect(exitCode).toBe(5)
    expect(err).toContain(message)
  })
})

test('beside a baseline only what is new fails, and SARIF says which that is', async () => {
  const only = ['--rules', 'auth_rls_initplan,no_primary_key']
  const baseline = join(folder, 'baseline.json')
  expect(await run(...only, '--json', baseline)).toMatchObject({ exitCode: 0 })
  expect(await run(...only, '--baseline', baseline)).toMatchObject({ exitCode: 0 })
  const owner = await database.connect(database.ownerUrl)
  await owner.query('CREATE TABLE public.keyless AS SELECT 1 AS a')
  const { out, err, exitCode } = await run(...only, '--baseline', baseline, '--format', 'sarif')
  expect(exitCode).toBe(2)
  expect(err).toMatch(/^New since .*: .*1 warning/m)
  const { runs } = JSON.parse(out) as { runs: { results: { ruleId: string; baselineState: string }[] }[] }
  const results = runs[0]?.results ?? []
  expect(results.filter(({ baselineState }) => baselineState === 'new').map(({ ruleId }) => ruleId)).toEqual([
    'no_primary_key',
  ])
  expect(results.length).toBeGreaterThan(1)
  const junit = await run(...only, '--baseline', baseline, '--format', 'junit')
  expect(junit).toMatchObject({ exitCode: 2 })
  expect(junit.out).toContain('<testsuites tests="2" failures="1" errors="0" skipped="0">')
  await owner.query('DROP TABLE public.keyless')
})

test('a baseline that is no report, and two documents for standard output, are refused', async () => {
  writeFileSync(join(folder, 'other.json'), '{}')
  expect(await run('--baseline', 'other.json')).toMatchObject({ exitCode: 5 })
  expect(await run('--format', 'junit', '--json', '-')).toMatchObject({ exitCode: 5 })
})
