import { describe, expect, test } from 'vitest'
import type { PlannedStatement } from '../../src/advisor/plannedStatement.ts'
import type { Figures, Foretelling, ForetoldStatement } from '../../src/partition/foretell.ts'
import type { PartitionJudgement } from '../../src/partition/judge.ts'
import { judgeWorth } from '../../src/partition/worthwhile.ts'
import { partitionJudgementJson, partitionJudgementLines } from '../../src/report/partitionJudgement.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'

const gigabyte = 1024 ** 3
const figures = (ms: number): Figures => ({ cost: ms * 100, planMs: 0.1, executeMs: ms - 0.1, partitions: 1 })

interface Case {
  name: string
  calls: number
  hasKey: boolean
  before: number
  /** Undefined where PostgreSQL refuses it. */
  after?: number
}

function foretelling(cases: readonly Case[]): Foretelling {
  const statements = cases.map(({ name, calls, hasKey, before, after }): ForetoldStatement => {
    const [parsed] = parseWorkload(`-- name: ${name}\n-- calls: ${calls}\nSELECT 1;`)
    const common = { statement: parsed as PlannedStatement, hasKey, before: figures(before) }
    return after === undefined
      ? { ...common, after: undefined, refused: 'no matching constraint', ratio: 0 }
      : { ...common, after: figures(after), ratio: before / after }
  })
  const sum = (of: readonly ForetoldStatement[]): number =>
    of.reduce((total, { statement }) => total + statement.calls, 0)
  const calls = sum(statements)
  return {
    keyed: { table: { schema: 'public', name: 'visits' }, key: 'day' },
    rows: 1_000_000,
    bytes: gigabyte,
    key: { name: 'day', type: 'date', first: '2024-01-01', last: '2026-01-01', correlation: 0.99 },
    losesUnique: [],
    calls: { share: sum(statements.filter(({ hasKey }) => hasKey)) / calls, calls, statements },
    layouts: [{ name: 'every month its own partition', partitions: [], statements }],
    upkeep: undefined,
    leftOut: [],
  }
}

const dashboard = { name: 'dashboard', calls: 90, hasKey: true, before: 20, after: 10 }
const lookup = { name: 'lookup', calls: 10, hasKey: false, before: 0.2, after: 2.4 }
const large = { size: 64 * gigabyte, memory: 16 * gigabyte }
const small = { size: 2 * gigabyte, memory: 16 * gigabyte }

function failing(worth: ReturnType<typeof judgeWorth>): string[] {
  return worth.reasons.filter(({ holds }) => !holds).map(({ kind }) => kind)
}

function textOf(worth: ReturnType<typeof judgeWorth>, of: Foretelling): string {
  const judgement: PartitionJudgement = { ...worth, foretelling: of, instead: [] }
  return partitionJudgementLines(judgement).join('\n')
}

describe('partitioning pays', () => {
  test('for a table larger than memory whose calls carry the key', () => {
    const of = foretelling([dashboard, lookup])
    const worth = judgeWorth(of, large)
    expect(worth.worthwhile).toBe(true)
    expect(worth.faster.map(({ name, ratio }) => [name, ratio])).toEqual([['dashboard', 2]])
    expect(worth.slower.map(({ name }) => name)).toEqual(['lookup'])
    expect(textOf(worth, of)).toContain('Partitioning public.visits by day pays.')
    expect(textOf(worth, of)).toContain('2.0x faster')
    expect(textOf(worth, of)).toContain('12x slower')
  })

  test('for a small table with a declared retention', () => {
    expect(judgeWorth(foretelling([dashboard]), { ...small, retention: '24 months' }).worthwhile).toBe(true)
  })

  test('for a table that is exactly as large as memory', () => {
    expect(judgeWorth(foretelling([dashboard]), { size: gigabyte, memory: gigabyte }).worthwhile).toBe(true)
  })

  test('where exactly 80 % of the calls carry the key', () => {
    const cases = [
      { ...dashboard, calls: 80 },
      { ...lookup, calls: 20 },
    ]
    expect(judgeWorth(foretelling(cases), large).worthwhile).toBe(true)
  })
})

describe('partitioning does not pay, and the numbers are named', () => {
  test('for a table that fits into memory', () => {
    const of = foretelling([dashboard])
    const worth = judgeWorth(of, small)
    expect(worth.worthwhile).toBe(false)
    expect(failing(worth)).toEqual(['size'])
    expect(textOf(worth, of)).toContain('does not pay, and nothing is written')
    expect(textOf(worth, of)).toContain('2 GB with indexes and TOAST, smaller than the 16 GB')
  })

  test('where too few calls carry the key', () => {
    const of = foretelling([
      { ...dashboard, calls: 79 },
      { ...lookup, calls: 21 },
    ])
    const worth = judgeWorth(of, large)
    expect(worth.worthwhile).toBe(false)
    expect(failing(worth)).toEqual(['key'])
    expect(textOf(worth, of)).toContain('79 % of 100 calls carry the key; it takes 80 %')
  })

  test('where the whole workload gets slower', () => {
    const of = foretelling([{ ...dashboard, before: 10, after: 11 }])
    const worth = judgeWorth(of, large)
    expect(worth.worthwhile).toBe(false)
    expect(failing(worth)).toEqual(['workload'])
    expect(textOf(worth, of)).toContain('900 ms -> 990 ms')
  })

  test('where nobody uses the table', () => {
    expect(judgeWorth(foretelling([]), large).worthwhile).toBe(false)
  })
})

describe('a statement', () => {
  test('that hardly changes is neither faster nor slower', () => {
    const worth = judgeWorth(foretelling([{ ...dashboard, before: 10, after: 10.2 }]), large)
    expect([worth.faster, worth.slower]).toEqual([[], []])
    expect(worth.layouts[0]?.unchanged.map(({ name }) => name)).toEqual(['dashboard'])
  })

  test('that PostgreSQL would refuse is named with its reason, in text and JSON', () => {
    const of = foretelling([dashboard, { name: 'upsert', calls: 1, hasKey: true, before: 1 }])
    const worth = judgeWorth(of, large)
    expect(worth.breaks).toEqual([{ name: 'upsert', calls: 1, reason: 'no matching constraint' }])
    expect(textOf(worth, of)).toContain('breaks  upsert (1 call): no matching constraint')
    expect(partitionJudgementJson({ ...worth, foretelling: of, instead: [] })).toMatchObject({
      worthwhile: true,
      faster: [{ name: 'dashboard' }],
      slower: [],
      refused: [{ name: 'upsert', reason: 'no matching constraint' }],
    })
  })
})
