import { describe, expect, test } from 'vitest'
import { comparePairs, methodsOf, percentile } from '../../../src/bench/advise/comparePairs.ts'
import { engineIsMissing } from '../../support/engines.ts'

// The bench compares on every version; 14 knows least of its own statistics.
describe.each([14, 18])('pairs of statement and index, PostgreSQL %i', (version) => {
  const missing = version !== 18 && engineIsMissing('postgres14')

  test.skipIf(missing)(
    'are planned in the shadow as with the index built',
    async () => {
      const { pairs, sizes } = await comparePairs(version)
      expect(pairs.length).toBeGreaterThan(100)
      expect(methodsOf(pairs).map(([method]) => method)).toEqual([
        'brin',
        'btree',
        'gin',
        'gist',
        'hash',
        'spgist',
      ])
      const same = pairs.filter(({ shadow, built }) => shadow.shape === built.shape)
      expect(same.length / pairs.length).toBeGreaterThanOrEqual(0.97)
      const errors = pairs.map(({ shadow, built }) => Math.abs(shadow.cost / built.cost - 1))
      expect(percentile(errors, 50)).toBeLessThanOrEqual(0.01)
      expect(percentile(errors, 95)).toBeLessThanOrEqual(0.05)
      const wrong = sizes.map(({ estimated, built }) => Math.abs(estimated / built - 1))
      expect(percentile(wrong, 50)).toBeLessThanOrEqual(0.1)
    },
    180_000,
  )
})
