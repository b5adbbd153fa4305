import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseIndexes } from '../../src/advisor/choose.ts'
import type { Priced } from '../../src/advisor/choose.ts'
import type { CostedStatement } from '../../src/advisor/configurations.ts'
import { loadSolver } from '../../src/advisor/solver.ts'
import { firstChoice } from '../../src/advisor/firstChoice.ts'
import type { PlannedStatement } from '../../src/advisor/plannedStatement.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'

const [blank] = parseWorkload('SELECT 1;')
if (!blank) throw new Error('one statement')

const most = 5
const options = fc.array(
  fc.record({ bytes: fc.integer({ min: 1, max: 100 }), upkeep: fc.integer({ min: 0, max: 300 }) }),
  { minLength: 1, maxLength: most },
)
const oid = fc.integer({ min: 0, max: most - 1 })
const oids = fc.uniqueArray(oid, { maxLength: 3 })
const configuration = fc.record({
  options: oids,
  cost: fc.integer({ min: 1, max: 100 }),
})
const statements = fc.array(
  fc.record({
    calls: fc.integer({ min: 1, max: 9 }),
    configurations: fc.array(configuration, { maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 4 },
)

function costOf(costed: CostedStatement[], priced: Priced[], chosen: ReadonlySet<number>): number {
  const served = costed.map(({ statement, configurations }) => {
    const possible = configurations.filter(({ options: used }) => used.every((oid) => chosen.has(oid)))
    return statement.calls * Math.min(...possible.map(({ cost }) => cost))
  })
  const kept = priced.filter(({ oid }) => chosen.has(oid)).map(({ upkeep }) => upkeep)
  return [...served, ...kept].reduce((sum, each) => sum + each, 0)
}

test('the choice meets what needs the budget allows, costs as little as the best such choice, and says so', async () => {
  const highs = await loadSolver()
  const mb = 1024 * 1024
  fc.assert(
    fc.property(
      options,
      statements,
      fc.option(fc.integer({ min: 0, max: 250 })),
      fc.array(oids, { maxLength: 2 }),
      fc.array(fc.tuple(oid, oid), { maxLength: 2 }),
      (made, asked, megabytes, wanted, pairs) => {
        const exists = (each: number): boolean => each < made.length
        const needs = wanted.map((each) => each.filter(exists))
        const exclusive = pairs.filter(([one, other]) => one !== other && exists(one) && exists(other))
        const priced = made.map((each, oid) => ({ ...each, oid, bytes: each.bytes * mb, columns: 1 }))
        const costed = asked.map(({ calls, configurations }) => ({
          statement: { ...blank, calls },
          configurations: [
            { options: [], cost: 100 },
            ...configurations.filter((each) => each.options.every((oid) => oid < priced.length)),
          ],
        }))
        const budget = megabytes === null ? undefined : megabytes * mb
        const choice = chooseIndexes(highs, costed, priced, {
          timeLimit: 10,
          needs,
          exclusive,
          ...(budget === undefined ? {} : { budget }),
        })
        const sets = Array.from({ length: 2 ** priced.length }, (_, bits) =>
          priced.filter(({ oid }) => (bits >> oid) & 1),
        )
          .filter((set) => set.reduce((sum, { bytes }) => sum + bytes, 0) <= (budget ?? Infinity))
          .map((set) => new Set(set.map(({ oid }) => oid)))
          .filter((set) => exclusive.every((pair) => !pair.every((oid) => set.has(oid))))
        const unmet = (set: ReadonlySet<number>): number =>
          needs.filter((need) => !need.some((oid) => set.has(oid))).length
        const fewest = Math.min(...sets.map(unmet))
        const best = Math.min(
          ...sets.filter((set) => unmet(set) === fewest).map((set) => costOf(costed, priced, set)),
        )
        expect(choice.unmet).toHaveLength(fewest)
        expect(choice.cost).toBeCloseTo(best, 2)
        expect(costOf(costed, priced, new Set(choice.chosen))).toBeCloseTo(best, 2)
        expect(choice.bound).toBeLessThanOrEqual(choice.cost + 1e-6)
        expect(choice.gap).toBeLessThan(1e-4)

        const first = firstChoice(costed, priced, {
          needs,
          exclusive,
          ...(budget === undefined ? {} : { budget }),
        })
        expect(sets).toContainEqual(first.chosen)
        expect(unmet(first.chosen)).toBe(first.unmet.length)
        expect(costOf(costed, priced, first.chosen)).toBeCloseTo(first.cost, 6)
        if (first.unmet.length === fewest) expect(first.cost).toBeGreaterThanOrEqual(best - 1e-6)
      },
    ),
    { numRuns: 100 },
  )
})

test('a choice without any time is the first one, and does not claim to be proven', async () => {
  const highs = await loadSolver()
  const count = 400
  const mb = 1024 * 1024
  const priced = Array.from({ length: count }, (_, oid) => ({
    oid,
    bytes: (1 + (oid % 7)) * mb,
    columns: 1,
    upkeep: oid % 11,
  }))
  const costed = Array.from({ length: count }, (_, at) => ({
    statement: { ...blank, calls: 1 + (at % 5) } as PlannedStatement,
    configurations: [
      { options: [], cost: 100 },
      ...Array.from({ length: 12 }, (__, nth) => ({
        options: [...new Set([(at * 3 + nth * 17) % count, (at + nth * nth) % count])],
        cost: 10 + ((at * nth) % 80),
      })),
    ],
  }))
  const choice = chooseIndexes(highs, costed, priced, { timeLimit: 0, budget: 300 * mb })
  expect(costOf(costed, priced, new Set(choice.chosen))).toBeCloseTo(choice.cost, 3)
  expect(choice.cost).toBeLessThan(choice.costBefore)
  expect(choice.gap).toBeGreaterThan(0)
  expect(choice.gap).toBeLessThanOrEqual(1)
})
