import { expect, test } from 'vitest'
import type { PlannedStatement } from '../../src/advisor/plannedStatement.ts'
import { weightsOf } from '../../src/advisor/weights.ts'

function statement(calls: number, meanMs?: number): PlannedStatement {
  return {
    name: 's',
    line: undefined,
    calls,
    types: [],
    args: [[]],
    role: undefined,
    claims: undefined,
    sql: 'SELECT 1',
    ...(meanMs === undefined ? {} : { meanMs }),
  }
}

test('a statement without a measured time counts as often as it is sent', () => {
  const one = statement(7)
  expect([...weightsOf(new Map([[one, 12]]), []).values()]).toEqual([7])
})

test('calls times cost times scale is in proportion to the measured time', () => {
  // The usual one costs 100 and takes 1 ms; the second takes three times as long as its cost says.
  const [usual, slow, fast] = [statement(1000, 1), statement(10, 3), statement(10, 0.5)] as const
  const costs = new Map([
    [usual, 100],
    [slow, 100],
    [fast, 100],
  ])
  const weights = weightsOf(costs, [])
  const share = (one: PlannedStatement): number => (weights.get(one) ?? 0) * (costs.get(one) ?? 0)
  expect(share(slow) / share(usual)).toBeCloseTo((10 * 3) / (1000 * 1))
  expect(share(fast) / share(usual)).toBeCloseTo((10 * 0.5) / (1000 * 1))
  expect(share(usual)).toBe(1000 * 100)
})

test('a cost that is far off counts ten times more or less at most', () => {
  const [usual, waits, guessed] = [statement(1000, 1), statement(1, 100), statement(1, 0.0001)] as const
  const weights = weightsOf(
    new Map([
      [usual, 100],
      [waits, 1],
      [guessed, 1000],
    ]),
    [],
  )
  expect([...weights.values()]).toEqual([1000, 10, 0.1])
})

test('the statements of a function share the time of those who call it', () => {
  const [usual, caller, inner] = [statement(1000, 1), statement(100, 2), statement(100)] as const
  const costs = new Map([
    [usual, 100],
    [caller, 10],
    [inner, 90],
  ])
  const weights = weightsOf(costs, [
    { caller, called: inner },
    // It calls itself.
    { caller: inner, called: inner },
  ])
  expect(weights.get(caller)).toBe(200)
  expect(weights.get(inner)).toBe(200)
})
