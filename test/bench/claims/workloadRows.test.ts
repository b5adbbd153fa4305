import { describe, expect, it } from 'vitest'
import { readCasaoraWorkload } from '../../../src/bench/casaora/database.ts'
import { referencePlanningMs } from '../../../src/bench/claims/planningTime.ts'
import type { MeasuredStatement } from '../../../src/bench/claims/wholeWorkload.ts'
import { isSlower, weigh } from '../../../src/bench/claims/wholeWorkload.ts'
import {
  bestRow,
  groupRows,
  overallRows,
  statementClaims,
  userFacingRow,
} from '../../../src/bench/claims/workloadRows.ts'
import { parseWorkload } from '../../../src/workload/workloadFile.ts'

const workload = await readCasaoraWorkload()

function measured(
  name: string,
  before: number,
  after: number,
  change: Partial<{ calls: number; role: string; planningMs: number }> = {},
) {
  const { calls = 10, role = 'authenticated', planningMs = referencePlanningMs } = change
  const [statement] = parseWorkload(`-- name: ${name}\n-- calls: ${calls}\n-- role: ${role}\nSELECT 1;`)
  if (!statement) throw new Error('one statement')
  return {
    statement,
    before: { ms: before, buffers: before * 100, runs: 9 },
    after: { ms: after, buffers: after * 100, runs: 7 },
    planningMs,
  } satisfies MeasuredStatement
}

describe('the rows about the workload', () => {
  it('name only statements that the workload has', () => {
    const names = new Set(workload.map(({ name }) => name))
    for (const { statements } of statementClaims)
      expect(statements.filter((name) => !names.has(name))).toEqual([])
  })

  it('weigh each statement by how often it is sent', () => {
    const rare = measured('search_city', 100, 50, { calls: 1 })
    const frequent = measured('search_city_by_price', 10, 1, { calls: 99 })
    expect(weigh([rare, frequent])).toMatchObject({ beforeMs: 1_090, afterMs: 149 })
    const search = groupRows(statementClaims.slice(1, 2), [rare, frequent])[0]
    expect(search).toMatchObject({ id: 'search', before: 10.9, after: 1.49, ratio: 7.315, met: false })
  })

  it('are met at the goal and above', () => {
    const [search] = groupRows(statementClaims.slice(1, 2), [measured('search_city', 20, 1)])
    expect(search?.met).toBe(true)
  })

  it('are not met if one statement of a user got slower, however much all of them gained', () => {
    const gained = measured('a', 10_000, 1)
    expect(userFacingRow([gained]).met).toBe(true)
    const row = userFacingRow([gained, measured('b', 1, 1.2)])
    expect(row.ratio).toBeGreaterThan(100)
    expect(row.met).toBe(false)
    expect(row.how).toContain('here 0.10 ms: b (+0.20 ms)')
  })

  it('count only what users send, not what the server itself sends', () => {
    const row = userFacingRow([measured('a', 1_000, 1), measured('b', 1, 2, { role: 'service_role' })])
    expect(row).toMatchObject({ before: 1_000, after: 1, met: true })
  })

  it('name the best single statement', () => {
    const row = bestRow([measured('a', 10, 1), measured('b', 1_000, 1), measured('c', 30, 1)])
    expect(row).toMatchObject({ id: 'single_query', ratio: 1_000, met: true })
    expect(row.title).toContain('b')
  })

  it('ask for buffers as well as for time', () => {
    const one = measured('a', 1_000, 1)
    const wasteful = { ...one, after: { ...one.after, buffers: 5_000 } }
    expect(overallRows([wasteful]).map(({ id, met }) => [id, met])).toEqual([
      ['overall', true],
      ['overall_buffers', false],
    ])
  })
})

describe('a statement is slower', () => {
  it.each([
    ['by a tenth and 0.1 ms', 1, 1.2, true],
    ['not by less than a tenth', 10, 10.9, false],
    ['not by less than 0.1 ms', 0.1, 0.19, false],
    ['not when it is faster', 1, 0.5, false],
  ])('%s', (_how, before, after, slower) => {
    expect(isSlower(measured('a', before, after))).toBe(slower)
  })

  it('by a difference that scales with the speed of the machine', () => {
    const onMachine = (times: number): MeasuredStatement =>
      measured('a', 1, 1.15, { planningMs: times * referencePlanningMs })
    expect(isSlower(onMachine(1))).toBe(true)
    expect(isSlower(onMachine(2))).toBe(false)
    expect(isSlower({ ...onMachine(0.5), after: { ms: 1.11, buffers: 1, runs: 9 } })).toBe(true)
  })
})
