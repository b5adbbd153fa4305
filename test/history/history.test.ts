import { expect, test } from 'vitest'
import { addRound, emptyHistory, mostSeries, seriesOf, tiers } from '../../src/history/history.ts'
import { historyText } from '../../src/history/historyFile.ts'

const start = Date.UTC(2026, 0, 1)
const disk = (value: number) => ({ id: 'free_disk', unit: 'bytes' as const, labels: {}, value })
const sequence = (name: string) => ({
  ...{ id: 'sequence_usage', unit: 'percent' as const, labels: { sequence: name }, value: 12.345678 },
})

test('a bucket has the mean and the greatest of its values', () => {
  const history = emptyHistory('app')
  for (const [minute, value] of [1, 2, 6].entries())
    addRound(history, [disk(value)], new Date(start + minute * 60_000))
  const [series] = seriesOf(history, 'free_disk')
  expect(series?.points.map(({ points }) => points)).toEqual(
    tiers.map(({ seconds }) => [{ at: start / 1_000 + seconds / 2, mean: 3, max: 6 }]),
  )
})

test('two years of a round a minute keep to the bound', () => {
  const history = emptyHistory('app')
  // A round each three hours, and one a minute on the last day: the buckets are the same.
  for (let hour = 0; hour < 729 * 24; hour += 3)
    addRound(history, [disk(hour)], new Date(start + hour * 3_600_000))
  const lastDay = start + 729 * 86_400_000
  for (let minute = 0; minute < 1_440; minute += 1) {
    addRound(history, [disk(minute)], new Date(lastDay + minute * 60_000))
  }
  expect(history.tiers.map(({ buckets }) => buckets.length)).toEqual(
    tiers.map(({ mostBuckets }) => mostBuckets),
  )
})

test('a full file stays under two megabytes', () => {
  const history = emptyHistory('app')
  const names = Array.from({ length: 40 }, (_, at) => sequence(`public.some_table_${at}_id_seq`))
  for (let hour = 0; hour < 366 * 24; hour += 4) addRound(history, names, new Date(start + hour * 3_600_000))
  expect(historyText(history).length).toBeLessThan(2_000_000)
})

test('a series that is gone makes room for another one, and no more are kept than that', () => {
  const history = emptyHistory('app')
  const names = Array.from({ length: mostSeries + 20 }, (_, at) => sequence(`s${at}`))
  addRound(history, names, new Date(start))
  expect(history.series).toHaveLength(mostSeries)
  expect(seriesOf(history, 'sequence_usage').at(-1)?.series.labels).toEqual({
    sequence: `s${mostSeries - 1}`,
  })
  // All buckets of the first day are gone after more than a year.
  for (let days = 1; days <= 400; days += 1) addRound(history, [disk(1)], new Date(start + days * 86_400_000))
  addRound(history, [disk(1), sequence('late')], new Date(start + 401 * 86_400_000))
  expect(seriesOf(history, 'sequence_usage').map(({ series }) => series.labels)).toEqual([
    { sequence: 'late' },
  ])
})

test('a clock that was set back finds its own bucket', () => {
  const history = emptyHistory('app')
  for (const minutes of [0, 60, 30, 90])
    addRound(history, [disk(minutes)], new Date(start + minutes * 60_000))
  const [series] = seriesOf(history, 'free_disk')
  expect(series?.points[0]?.points.map(({ mean }) => mean)).toEqual([0, 30, 60, 90])
})

test('what has no number is left out', () => {
  const history = emptyHistory('app')
  addRound(
    history,
    [disk(Number.NaN), { id: 'max_connections', unit: 'count', labels: {}, value: 100 }],
    new Date(),
  )
  expect(history.series).toEqual([])
})
