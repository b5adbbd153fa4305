import { expect, test } from 'vitest'
import { configurationsOf } from '../../src/advisor/configurations.ts'
import type { PlannedStatement } from '../../src/advisor/plannedStatement.ts'
import type { WhatIf } from '../../src/advisor/whatIf.ts'
import type { PlanNode } from '../../src/postgres/explain.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'

const statement = parseWorkload('SELECT 1;')[0] as PlannedStatement
const costs = new Map([
  [1, 10],
  [2, 20],
  [3, 30],
])

/** Each plan uses the cheapest option that is there. */
const whatIf: WhatIf = {
  options: [],
  fixed: [],
  foreignKeys: [],
  refused: [],
  plan: (_statement, _args, oids) => {
    const [best] = [...costs].filter(([oid]) => oids.has(oid))
    return Promise.resolve({ root: {} as PlanNode, cost: best?.[1] ?? 100, used: best ? [best[0]] : [] })
  },
  optionsFor: () => Promise.resolve([...costs.keys()]),
  close: () => Promise.resolve(),
}

test('every way to be quicker is found', async () => {
  const found = await configurationsOf(whatIf, statement, new Set([1, 2, 3]), { plans: 60, worthwhile: 0.05 })
  expect(found.configurations).toEqual([
    { options: [], cost: 100 },
    { options: [1], cost: 10 },
    { options: [2], cost: 20 },
    { options: [3], cost: 30 },
  ])
  expect(found.isComplete).toBe(true)
})

test('without any time a statement is planned without options and with all, and more might be found', async () => {
  const found = await configurationsOf(whatIf, statement, new Set([1, 2, 3]), {
    plans: 60,
    worthwhile: 0.05,
    isOver: () => true,
  })
  expect(found.configurations).toEqual([
    { options: [], cost: 100 },
    { options: [1], cost: 10 },
  ])
  expect(found.isComplete).toBe(false)
})
