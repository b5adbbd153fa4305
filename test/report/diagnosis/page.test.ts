import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compareReports } from '../../../src/diagnose/compare.ts'
import { diagnose } from '../../../src/diagnose/diagnose.ts'
import type { DiagnosisReport } from '../../../src/diagnose/report.ts'
import type { History } from '../../../src/history/history.ts'
import { addRound, emptyHistory } from '../../../src/history/history.ts'
import { comparisonMarkdown } from '../../../src/report/comparison/markdown.ts'
import { comparisonPage } from '../../../src/report/comparison/page.ts'
import { diagnosisPage } from '../../../src/report/diagnosis/page.ts'
import { diagnosisSummary } from '../../../src/report/diagnosis/summary.ts'
import { diagnosisText } from '../../../src/report/diagnosis/text.ts'
import { accessibilityProblems, openFile, startBrowser } from '../../support/browser.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { engineIsMissing } from '../../support/engines.ts'

const hostile = [
  '<script>alert(1)</script>',
  `"'--&amp;<img src=x onerror=alert(1)>`,
  '| `a` | *b* _c_ [d](e)',
  'two\nlines\u001b[31m',
  'Größe 表 🐘',
  'x'.repeat(63),
]

let database: TestDatabase
let folder: string
let report: DiagnosisReport

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  const owner = await database.connect(database.ownerUrl)
  for (const name of hostile) {
    // No primary key and an unindexed foreign key, so that findings and tables name it.
    await owner.query(
      `CREATE TABLE public."${name.replaceAll('"', '""')}" AS SELECT * FROM public.bookings, generate_series(1, 3)`,
    )
  }
  report = (await diagnose(await database.connect(), { history: watched() })).report
  folder = await mkdtemp(join(tmpdir(), 'report-'))
  await writeFile(join(folder, 'report.html'), diagnosisPage(report))
  const later = structuredClone(report)
  later.metrics = later.metrics.map((metric) => ({ ...metric, value: (metric.value ?? 0) + 7 }))
  later.findings = later.findings.slice(3)
  later.statistics.resetAt = '2026-01-01T00:00:00.000Z'
  await writeFile(join(folder, 'comparison.html'), comparisonPage(compareReports(report, later)))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await database.drop()
})

/** Three weeks in which the disk fills and a sequence with a hostile name comes to its end. */
function watched(): History {
  const history = emptyHistory('casaora')
  const now = Date.now()
  for (let hours = 21 * 24; hours >= 0; hours -= 1) {
    const values = [
      { id: 'free_disk', unit: 'bytes' as const, labels: {}, value: 60e9 + hours * 1e8 },
      { id: 'connection_usage', unit: 'percent' as const, labels: {}, value: 30 + 10 * Math.sin(hours / 4) },
      ...hostile.map((sequence, at) => ({
        ...{ id: 'sequence_usage', unit: 'percent' as const, labels: { sequence } },
        value: 90 - hours / (100 + at),
      })),
    ]
    addRound(history, values, new Date(now - hours * 3_600_000))
  }
  return history
}

test('what runs out within 90 days is on the first page, and the trend is a chapter of its own', () => {
  const lines = diagnosisSummary(report).split('## Runs out')[1]?.split('##')[0]?.trim().split('\n') ?? []
  expect(lines.filter((line) => line.startsWith('- free\\_disk: the disk is full in 25 days'))).toHaveLength(
    1,
  )
  expect(lines.filter((line) => line.startsWith('- sequence\\_usage of'))).toHaveLength(hostile.length)
  expect(lines).toHaveLength(1 + hostile.length)
  expect(diagnosisText(report)).toMatch(/free_disk: 56 GB now, 103 GB at most since /)
  expect(diagnosisPage(report).match(/<polyline/g)).toHaveLength(2 + hostile.length)
})

test('every name is text: in HTML, in Markdown and on a terminal', () => {
  const page = diagnosisPage(report)
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(page).not.toContain('<script>alert')
  expect(page).not.toContain('<img src=x')
  const summary = diagnosisSummary(report) + comparisonMarkdown(compareReports(report, report))
  expect(summary).not.toMatch(/<script|<img/)
  expect(diagnosisText(report)).not.toContain('\u001b')
})

test('a gauge that was not measured says so and why, and the others have a mark at their target', () => {
  const blind = structuredClone(report)
  const cache = blind.sections.find(({ id }) => id === 'cache')
  Object.assign(cache ?? {}, { status: 'skipped', reason: 'the role may not see it' })
  blind.metrics = blind.metrics.filter(({ id }) => id !== 'cache_hit_ratio')
  expect(diagnosisPage(report)).not.toContain('<b>not measured</b>\n<p class="warn">the role may not see it')
  const page = diagnosisPage(blind)
  expect(page).toMatch(/Cache hit ratio <b>not measured<\/b>\s*<p class="warn">the role may not see it/)
  expect(page).toContain('<b style="left:80%"></b>')
})

test('a plan shows the rows that came beside those that were expected, and names a step that is far off', () => {
  const executed = structuredClone(report)
  const step = { what: 'Seq Scan on public.a', rows: 10, cost: 5, steps: [] }
  Object.assign(executed.sections.find(({ id }) => id === 'plans') ?? {}, {
    status: 'ok',
    blocks: [
      {
        ...{ kind: 'plan', head: ['abc  SELECT 1'], foot: ['  Cause (measured): none.'] },
        step: {
          ...step,
          real: { rows: 1200, loops: 2, ms: 3 },
          steps: [{ ...step, what: 'Sort', real: { rows: 11, loops: 1, ms: 1 } }],
        },
      },
    ],
  })
  const page = diagnosisPage(executed)
  expect(page).toMatch(
    /estimated 10 rows[^]{0,60}really 1,200 in each of 2 loops,\s+6 ms: 120 times more than estimated/,
  )
  expect(page.match(/times (more|fewer) than estimated/g)).toHaveLength(1)
  expect(diagnosisText(executed)).toContain(
    'Seq Scan on public.a (10 rows, cost 5, really 1200 rows x 2 in 3.0 ms)',
  )
})

test('who may do what folds the expressions of policies', () => {
  const page = diagnosisPage(report)
  expect(page).toMatch(/Who may do what/)
  expect(page).toMatch(/<details class="inline">\s*<summary>Expression<\/summary>\s*<code>[^<]*SELECT/)
  expect(diagnosisText(report)).toMatch(/public\.bookings +on +authenticated +rows by policy/)
})

test('the page names no address at all', () => {
  const page = diagnosisPage(report)
  expect(page).not.toMatch(/(src|href)="(?!#|data:)/)
  expect(page).not.toMatch(/@import|url\(|fetch\(|XMLHttpRequest/)
})

describe.skipIf(engineIsMissing('chromium'))('in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser.close())

  const readers = [1280, 390].flatMap((width) =>
    (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
  )
  const files = ['report.html', 'comparison.html']
  test.each(files.flatMap((file) => readers.map((reader) => ({ file, ...reader }))))(
    '$file at $width pixels, $colorScheme: no error, no request, nothing wider than the window, accessible',
    async ({ file, ...reader }) => {
      const { page, errors, requests } = await openFile(browser, join(folder, file), reader)
      const width = await page.evaluate<number>('document.documentElement.scrollWidth')
      expect(width).toBeLessThanOrEqual(reader.width)
      await page.evaluate(`document.querySelectorAll('details').forEach((one) => { one.open = true })`)
      expect(await accessibilityProblems(page)).toEqual([])
      expect(errors).toEqual([])
      expect(requests).toEqual([])
      await page.context().close()
    },
  )

  test('1,000 names of any characters are text on it, and make no element', async () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 63 })
    const names = [...hostile, ...fc.sample(text, 1_000 - hostile.length)].map((name) =>
      name.replaceAll('\0', '-'),
    )
    const openWith = async (file: string, all: string[]) => {
      const findings = all.map((name, at) => ({
        ...{ key: `no_primary_key ${at}`, rule: 'no_primary_key' as const, level: 'warn' as const },
        ...{ subject: ['public', name], detail: `table ${name} has no primary key`, evidence: [] },
        remedy: { kind: 'runbook' as const, title: `Give ${name} one`, steps: [name] },
      }))
      await writeFile(join(folder, file), diagnosisPage({ ...report, findings, actions: [] }))
      const opened = await openFile(browser, join(folder, file), { width: 1280, colorScheme: 'light' })
      expect(opened.errors).toEqual([])
      expect(opened.requests).toEqual([])
      const elements = await opened.page.evaluate<number>(`document.querySelectorAll('*').length`)
      const shown = await opened.page.evaluate<string[]>(
        `[...document.querySelectorAll('.findings li')].map((one) => one.textContent)`,
      )
      await opened.page.context().close()
      return { elements, shown: shown.join('\n') }
    }
    const { elements } = await openWith(
      'plain.html',
      names.map((_, at) => `plain ${at}`),
    )
    const page = await openWith('names.html', names)
    expect(page.elements).toBe(elements)
    // HTML allows no control characters.
    const shownAs = (name: string) => name.replaceAll(/[^\P{Cc}\n\t]/gu, '\u{FFFD}')
    const missing = names.filter((name) => !page.shown.includes(`table ${shownAs(name)} has no primary key`))
    expect(missing).toEqual([])
  })

  test('a click on a head sorts the table, and the box filters findings', async () => {
    const { page, errors } = await openFile(browser, join(folder, 'report.html'), {
      width: 1280,
      colorScheme: 'light',
    })
    const table = page.getByRole('region', { name: 'The largest tables' })
    const totals = (): Promise<number[]> =>
      table
        .locator('tbody tr td:nth-child(5)')
        .evaluateAll((cells) =>
          cells.map((cell) => Number((cell as unknown as { dataset: { value: string } }).dataset.value)),
        )
    const head = table.getByRole('button', { name: 'total' })
    await head.click()
    const down = await totals()
    expect(down).toEqual(down.toSorted((one, other) => other - one))
    await head.click()
    expect(await totals()).toEqual(down.toReversed())
    const all = await page.locator('details.finding:visible').count()
    await page.getByRole('searchbox').fill('no_primary_key')
    const some = await page.locator('details.finding:visible').count()
    expect(some).toBeGreaterThan(0)
    expect(some).toBeLessThan(all)
    expect(errors).toEqual([])
  })
})
