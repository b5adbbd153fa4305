import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { IndexColumn, TableIndex } from '../../src/catalog/indexes.ts'
import { areDuplicates, covers, listDuplicates, listRedundant } from '../../src/indexes/indexCoverage.ts'

const column = fc.record({
  text: fc.constantFrom('a', 'b', 'c'),
  ordering: fc.constantFrom('1978 0', '4217 0'),
  isDescending: fc.boolean(),
  nullsFirst: fc.boolean(),
  hasOtherCollation: fc.constant(false),
})

/** Any mixture of indexes on one table, many of them alike. */
const indexes = fc
  .array(
    fc.record({
      keys: fc.array(column, { minLength: 1, maxLength: 3 }),
      included: fc.subarray(['a', 'b', 'c']),
      predicate: fc.constantFrom(null, null, '(a IS NOT NULL)', '(b > 0)'),
      protectedBecause: fc.constantFrom(null, null, null, 'a constraint needs it', 'it keeps values unique'),
      isValid: fc.constantFrom(true, true, true, false),
      scans: fc.nat(5),
    }),
    { maxLength: 12 },
  )
  .map((parts) => parts.map((part, at) => toIndex(part, at)))

type Part = Pick<TableIndex, 'predicate' | 'protectedBecause' | 'isValid' | 'scans'> & {
  keys: Omit<IndexColumn, 'attnum'>[]
  included: string[]
}

function toIndex(part: Part, at: number): TableIndex {
  const plain = (text: string): number => 'abc'.indexOf(text) + 1
  return {
    ...part,
    keys: part.keys.map((key) => ({ ...key, attnum: plain(key.text) })),
    included: part.included.map((text) => ({
      text,
      attnum: plain(text),
      ordering: '',
      isDescending: false,
      nullsFirst: false,
      hasOtherCollation: false,
    })),
    oid: at + 1,
    schema: 'public',
    name: `index_${at}`,
    tableOid: 1,
    table: { schema: 'public', name: 't' },
    accessMethod: 'btree',
    takesNullsForEqual: false,
    isReady: true,
    backsConstraint: part.protectedBecause === 'a constraint needs it',
    isUnique: part.protectedBecause !== null,
    shareOfRows: part.predicate === null ? 1 : null,
    isPartial: part.predicate !== null,
    isLocked: false,
    isPartitioned: false,
    isPartOfPartitioned: false,
    storageParameters: [],
    tablespace: null,
    comment: null,
    statisticsTargets: {},
    sizeBytes: 8192,
    lastScan: null,
  }
}

describe('indexes that others make superfluous', () => {
  it('leave behind, when all of them are dropped, one that does the work of each', () => {
    fc.assert(
      fc.property(indexes, (all) => {
        const spares = [...listDuplicates(all), ...listRedundant(all)]
        const dropped = new Set(spares.map(({ index }) => index.oid))
        expect(dropped.size).toBe(spares.length)
        for (const { index } of spares) {
          const staying = all.filter(({ oid, isValid }) => !dropped.has(oid) && isValid)
          expect(staying.some((other) => covers(other, index) || areDuplicates(other, index))).toBe(true)
        }
        for (const { index, coveredBy } of listRedundant(all)) {
          expect(dropped.has(coveredBy.oid)).toBe(false)
          expect(index.protectedBecause).toBeNull()
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('are none of what a constraint needs, and none that is invalid', () => {
    fc.assert(
      fc.property(indexes, (all) => {
        for (const { index, coveredBy } of [...listDuplicates(all), ...listRedundant(all)]) {
          expect(index.isValid && coveredBy.isValid).toBe(true)
          if (index.protectedBecause === 'a constraint needs it') {
            expect(coveredBy.protectedBecause).toBe('a constraint needs it')
          }
        }
      }),
    )
  })
})
