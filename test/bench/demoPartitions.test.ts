import { expect, test } from 'vitest'
import type { CasaoraTotals } from '../../src/bench/casaora/clients.ts'
import { differencesOf } from '../../src/bench/casaora/clients.ts'
import { partitionRows } from '../../src/bench/demoPartitions.ts'

test('a lost row, a row that is there twice and a lost update are named, and the demo has failed', () => {
  const totals: CasaoraTotals = {
    ...{ bookings: 10, 'different bookings': 10, cents: 5 },
    ...{ messages: 3, 'different messages': 3, payments: 1, 'payments without a booking': 0 },
  }
  const told = [
    { bookings: 1, 'different bookings': 1 },
    { cents: 1 },
    { messages: 2, 'different messages': 2 },
  ]
  const now = { ...totals, bookings: 11, 'different bookings': 10, messages: 4, 'different messages': 4 }
  const lost = differencesOf(totals, told, now)
  expect(lost).toEqual([
    'different bookings: 10 instead of 11',
    'cents: 5 instead of 6',
    'messages: 4 instead of 5',
    'different messages: 4 instead of 5',
  ])
  const quiet = { transactions: 9, committed: [9], failed: 0, worstMs: 5, p99Ms: 5, failures: [] }
  const clients = { alone: quiet, up: quiet, 'alone, on partitions': quiet, down: quiet }
  const demo = { judgements: [], clients, migrations: 13, added: [], made: [], lost: [] }
  const met = (found: Partial<typeof demo>) => partitionRows({ ...demo, ...found }).map((row) => row.met)
  expect(met({})).toEqual([true, true])
  expect(met({ lost: lost as never[] })).toEqual([false, false])
  expect(met({ clients: { ...clients, up: { ...quiet, failed: 1 } } })).toEqual([false, true])
})
