import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Browser } from 'playwright-core'
import type { BenchResult } from '../../src/bench/result.ts'
import { benchPage, demoPage } from '../../src/bench/resultPage.ts'
import type { BenchRow } from '../../src/bench/row.ts'
import type { DiagnosisReport, ReportFinding } from '../../src/diagnose/report.ts'
import type { PlannedMigration } from '../../src/migrate/plan.ts'
import { accessibilityProblems, openFile, startBrowser } from '../support/browser.ts'
import { engineIsMissing } from '../support/engines.ts'

const hostile = '</script><img src=x onerror=alert(1)>'

const rows: BenchRow[] = [
  {
    ...{ id: 'search', title: `Search ${hostile}`, claim: '60-90 % faster', before: 12, after: 0.4 },
    ...{ ratio: 30, unit: 'ms', met: true, how: 'median of 101 runs' },
  },
  { id: 'slow', title: 'Slower', claim: 'none', before: 1, after: 2, ratio: 0.5, unit: 'ms', met: false },
]
const result: BenchResult = {
  ...{ takenAt: '2026-11-24T15:00:00.000Z', size: 'small', rows },
  measuredOn: { postgresql: '18.4', node: '20.20.2', cores: 2, memoryGb: 24, platform: 'linux x64' },
  skipped: [{ id: 'pooling', reason: 'PgBouncer is not installed' }],
}

const finding = (rule: string): ReportFinding => ({ rule }) as ReportFinding
const report = (findings: ReportFinding[]): DiagnosisReport =>
  ({ takenAt: result.takenAt, server: { version: '18.4' }, findings }) as unknown as DiagnosisReport
const migration = {
  ...{ name: '20260101000000000_create-tools-idx', why: 'A scan of all tools.', reversible: true },
  sql: { up: [`CREATE INDEX "${hostile}" ON tools (id)`], down: ['DROP INDEX tools_idx'] },
  locks: [
    {
      direction: 'up',
      statement: 1,
      relation: 'public.tools',
      mode: 'ShareUpdateExclusiveLock',
      blocks: '',
      ms: 1,
    },
  ],
} as unknown as PlannedMigration
const story = {
  ...{ rows, reversible: true, plan: { migrations: [migration], drift: [], notCopied: [] } },
  before: report([finding('unused_index'), finding('unused_index')]),
  after: report([finding('unused_index')]),
}

test('the page of a bench has its bars, its table, how each was measured and what was not', () => {
  const page = benchPage(result)
  expect(page).toContain('Measured on 2026-11-24')
  expect(page).toContain('median of 101 runs')
  expect(page).toContain('pooling: PgBouncer is not installed')
  // Only what got better has a bar.
  expect(page.match(/class="track"/g)).toHaveLength(1)
  expect(page).not.toContain(hostile)
})

test('the page of a demo has the findings before and after, and the SQL of each migration', () => {
  const page = demoPage(story)
  expect(page).toContain('Findings: 2 before, 1 after')
  expect(page).toContain('ShareUpdateExclusiveLock on public.tools')
  expect(page).toContain('DROP INDEX tools_idx')
  expect(page).not.toContain(hostile)
})

describe.skipIf(engineIsMissing('chromium'))('in a browser', () => {
  let browser: Browser
  let folder: string
  beforeAll(async () => {
    browser = await startBrowser()
    folder = await mkdtemp(join(tmpdir(), 'hundredfold-pages-'))
    await writeFile(join(folder, 'bench.html'), benchPage(result))
    await writeFile(join(folder, 'demo.html'), demoPage(story))
  })
  afterAll(async () => {
    await browser.close()
    await rm(folder, { recursive: true })
  })

  test.each([
    { file: 'bench.html', width: 1280, colorScheme: 'dark' as const },
    { file: 'bench.html', width: 390, colorScheme: 'light' as const },
    { file: 'demo.html', width: 1280, colorScheme: 'light' as const },
    { file: 'demo.html', width: 390, colorScheme: 'dark' as const },
  ])(
    '$file at $width pixels, $colorScheme: no error, nothing too wide, accessible',
    async ({ file, ...reader }) => {
      const { page, errors, requests } = await openFile(browser, join(folder, file), reader)
      await page.evaluate(`document.querySelectorAll('details').forEach((one) => { one.open = true })`)
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(
        reader.width,
      )
      expect(await accessibilityProblems(page)).toEqual([])
      expect({ errors, requests }).toEqual({ errors: [], requests: [] })
      await page.context().close()
    },
  )
})
