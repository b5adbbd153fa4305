import { expect, test } from 'vitest'
import type { BenchResult } from '../../src/bench/result.ts'
import type { BenchRow } from '../../src/bench/row.ts'
import { benchChart } from '../../src/bench/benchChart.ts'
import { benchComparison } from '../../src/bench/benchComparison.ts'
import { benchMarkdown, growthMarkdown, howMarkdown } from '../../src/bench/benchMarkdown.ts'

function row(change: Partial<BenchRow> = {}): BenchRow {
  return {
    id: 'search',
    title: 'Search',
    claim: '60-90 % faster',
    before: 12,
    after: 0.4,
    ratio: 30,
    unit: 'ms',
    met: true,
    ...change,
  }
}

function result(rows: BenchRow[], change: Partial<BenchResult> = {}): BenchResult {
  return {
    takenAt: '2026-11-24T15:00:00.000Z',
    size: 'small',
    measuredOn: { postgresql: '18.4', node: '20.20.2', cores: 2, memoryGb: 24, platform: 'linux x64' },
    rows,
    skipped: [],
    ...change,
  }
}

test('the Markdown table says on what it was measured, and what was left out', () => {
  const bloat = row({ title: 'Disk', before: 225_200_000, after: 101_000_000, ratio: 2.23, unit: 'bytes' })
  const skipped = [{ id: 'pooling', reason: 'PgBouncer is not installed' }]
  expect(benchMarkdown(result([row(), bloat], { skipped }))).toBe(
    [
      'Measured on 2026-11-24 on PostgreSQL 18.4, Node 20.20.2, 2 cores, 24 GB of memory, linux x64; 100,000 bookings and 300,000 messages. Before and after in one run.',
      '',
      "| what   | before |  after | ratio | the plan's claim | met |",
      '| ------ | -----: | -----: | ----: | ---------------- | --- |',
      '| Search |  12 ms | 0.4 ms |   30x | 60-90 % faster   | yes |',
      '| Disk   | 215 MB |  96 MB |  2.2x | 60-90 % faster   | yes |',
      '',
      '`pooling` was not measured: PgBouncer is not installed.',
    ].join('\n'),
  )
})

test('how a row was measured is printed beside its buffers', () => {
  expect(howMarkdown([row({ how: 'five statements', buffers: { before: 1_875, after: 80 } }), row()])).toBe(
    '- `search`: five statements; buffers 1,875 before, 80 after.',
  )
})

test('growth is shown for rows that both sizes have', () => {
  const small = result([row(), row({ id: 'series' })])
  const medium = result([row({ before: 120, after: 0.5 })], { size: 'medium' })
  const lines = growthMarkdown(small, medium).split('\n')
  expect(lines).toHaveLength(3)
  expect(lines[2]?.split('|').map((cell) => cell.trim())).toEqual([
    '',
    'Search',
    '12 ms',
    '120 ms',
    '10x',
    '0.4 ms',
    '0.5 ms',
    '1.25x',
    '',
  ])
})

test('a comparison names what moved by more than a quarter, and which targets are no longer met', () => {
  const last = result([row(), row({ id: 'reviews', ratio: 40 }), row({ id: 'gone' })])
  const now = result([row({ ratio: 18, met: false }), row({ id: 'reviews', ratio: 41 }), row({ id: 'new' })])
  expect(benchComparison(last, now)).toEqual([
    'Compared with the run of 2026-11-24 15:00 UTC:',
    '  search: 30x -> 18x, no longer met',
  ])
  expect(benchComparison(last, last)).toEqual([
    'No ratio differs from the run of 2026-11-24 15:00 UTC by more than a quarter.',
  ])
})

test('the chart has a bar for each row, longer for a higher ratio, and is well-formed', () => {
  const rows = [
    row(),
    row({ title: 'Inbox <20>', ratio: 3_000 }),
    row({ title: 'Lost', met: false, ratio: 0.5 }),
  ]
  const chart = benchChart(rows)
  const bars = [...chart.matchAll(/<rect x="400" y="\d+" width="([\d.]+)"[^>]+fill="(#\w+)"/g)]
  const lengths = bars.map(([, length]) => Number(length))
  expect(lengths).toHaveLength(3)
  expect(lengths[1]).toBeGreaterThan(lengths[0] ?? 0)
  expect(lengths[2]).toBe(2)
  expect(bars.map(([, , fill]) => fill)).toEqual(['#1a7f64', '#1a7f64', '#cf222e'])
  expect(chart).toContain('Inbox &lt;20&gt;')
  expect(chart.match(/<text/g)?.length).toBe(chart.match(/<\/text>/g)?.length)
})

test('a ratio that is no number has no bar', () => {
  expect(benchChart([row({ ratio: Number.NaN })])).not.toContain('<rect x="400"')
})
