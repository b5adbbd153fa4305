import { expect, test } from 'vitest'
import { foretell } from '../../src/history/forecast.ts'
import type { History } from '../../src/history/history.ts'
import { addRound, emptyHistory } from '../../src/history/history.ts'
import type { Measurement } from '../../src/metrics/measurement.ts'

const start = Date.UTC(2026, 0, 1)
const hour = 3_600_000
const day = 24 * hour

/** A history with a value for each ten minutes; it ends `days` after its start. */
function watch(days: number, valueAt: (days: number) => number, metric: Omit<Measurement, 'value'>): History {
  const history = emptyHistory('app')
  for (let at = 0; at <= days * day; at += hour / 6) {
    addRound(history, [{ ...metric, value: valueAt(at / day) }], new Date(start + at))
  }
  return history
}
const freeDisk = { id: 'free_disk', unit: 'bytes' as const, labels: {} }
const connections = { id: 'connection_usage', unit: 'percent' as const, labels: {} }
const ids = { id: 'transaction_id_usage', unit: 'percent' as const, labels: {} }
const after = (days: number) => new Date(start + days * day)

test('a disk that loses a gigabyte a day is full when its room is used up', () => {
  const history = watch(20, (days) => 100e9 - 1e9 * days, freeDisk)
  const [forecast] = foretell(history, after(20))
  expect(forecast).toMatchObject({ happens: 'the disk is full', outcome: { kind: 'reached' } })
  expect(forecast?.pace).toBeCloseTo(-1e9, -7)
  expect((forecast?.outcome as { inSeconds: number }).inSeconds / 86_400).toBeCloseTo(80, 0)
})

test('each sequence has a forecast of its own', () => {
  const history = emptyHistory('app')
  for (let at = 0; at <= 20 * day; at += hour) {
    const usage = (sequence: string, value: number) => ({
      ...{ id: 'sequence_usage', unit: 'percent' as const, labels: { sequence }, value },
    })
    addRound(history, [usage('fast', 50 + at / day), usage('still', 70)], new Date(start + at))
  }
  const [fast, still] = foretell(history, after(20))
  expect(fast?.series.labels).toEqual({ sequence: 'fast' })
  expect((fast?.outcome as { inSeconds: number }).inSeconds / 86_400).toBeCloseTo(30, 0)
  expect(still?.outcome).toEqual({ kind: 'no-trend' })
})

test('connections that go up and down with the day do not run out', () => {
  const history = watch(21, (days) => 40 + 30 * Math.sin(2 * Math.PI * days), connections)
  expect(foretell(history, after(21)).map(({ outcome }) => outcome.kind)).not.toContain('reached')
})

test('ids that are frozen from time to time come back', () => {
  const history = watch(60, (days) => days % 12, ids)
  expect(foretell(history, after(60))[0]?.outcome).toMatchObject({ kind: 'comes-back' })
})

test('ids that went beyond every earlier peak are foretold by their rise since the last fall', () => {
  const history = watch(60, (days) => (days < 24 ? days % 12 : days - 24), ids)
  const [forecast] = foretell(history, after(60))
  expect((forecast?.outcome as { inSeconds: number }).inSeconds / 86_400).toBeCloseTo(64, 0)
})

test('a history of some hours foretells nothing', () => {
  const history = watch(0.5, (days) => 100e9 - 1e9 * days, freeDisk)
  expect(foretell(history, after(0.5))[0]?.outcome).toEqual({ kind: 'too-short' })
})

test('what was measured in the future, by a clock that was wrong, is left out', () => {
  const history = watch(20, (days) => 100e9 - 1e9 * days, freeDisk)
  addRound(history, [{ ...freeDisk, value: 1 }], after(4_000))
  expect((foretell(history, after(20))[0]?.outcome as { inSeconds: number }).inSeconds / 86_400).toBeCloseTo(
    80,
    0,
  )
})
