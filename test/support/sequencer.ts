import type { TestSpecification } from 'vitest/node'
import { BaseSequencer } from 'vitest/node'

/** Files that take 20 seconds and more, the longest first: begun last, one of them would run alone while the other worker waits. */
const longest = [
  'test/policies/bodies.test.ts',
  'test/migrate/faults/madeSet.test.ts',
  'test/migrations/versions.test.ts',
  'test/migrate/faults/casaora.test.ts',
  'test/rules/fixture/fixture.test.ts',
  'test/policies/everyPolicy.test.ts',
  'test/policies/realShapes.test.ts',
  'test/migrations/proof.test.ts',
  'test/bench/demo.test.ts',
  'test/partition/upkeep.test.ts',
  'test/policies/proof/mutationScore.test.ts',
  'test/partition/everythingKept.test.ts',
  'test/migrate/pace/pacer.test.ts',
  'test/operate/maintain/cronPlan.test.ts',
  'test/migrate/locks/politeLocks.test.ts',
  'test/migrate/locks/lockWishes.test.ts',
  'test/migrations/series.test.ts',
  'test/bench/advise/comparePairs.test.ts',
  'test/bench/advise/tpchBench.test.ts',
  'test/partition/killed.test.ts',
  'test/partition/badInput.test.ts',
  'test/partition/scheduleUpkeep.test.ts',
  'test/rules/indexes/dropTraps.test.ts',
  'test/operate/connections/endSession.test.ts',
  'test/policies/proof/rewriteIsEquivalent.test.ts',
  'test/cli/optimize.test.ts',
  'test/migrate/runLock.test.ts',
  'test/shadow/openShadow.test.ts',
  'test/shadow/planner/openPlanner.test.ts',
  'test/migrations/badInput.test.ts',
  'test/servers/embedded.test.ts',
  'test/policies/read/recursion.test.ts',
  'test/bench/claims/claimsBench.test.ts',
  'test/migrate/lockBudget.test.ts',
]

/** Starts the longest files first; a machine without a cache of durations would go by the size of files. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((name) => moduleId.endsWith(name))
      return place < 0 ? longest.length : place
    }
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}
