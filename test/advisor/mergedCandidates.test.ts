import { describe, expect, it } from 'vitest'
import type { Candidate } from '../../src/advisor/candidates.ts'
import { definitionOf, definitionOn } from '../../src/advisor/candidates.ts'
import { addMergedCandidates } from '../../src/advisor/mergedCandidates.ts'
import type { PlannedStatement } from '../../src/advisor/plannedStatement.ts'
import type { TableIndex } from '../../src/catalog/indexes.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'

const [one, two] = parseWorkload('SELECT 1;\nSELECT 2;') as [PlannedStatement, PlannedStatement]

function candidate(keys: string[], include: string[] = [], predicate?: string): Candidate {
  const table = { schema: 'public', name: 't' }
  return { table, method: 'btree', keys, include, ...(predicate === undefined ? {} : { predicate }) }
}

/** What is added for the first statement and for the second, where each wants these. */
function merged(first: Candidate[], second: Candidate[], existing: TableIndex[] = [], width = 8): string[][] {
  const own = [first, second].map((each) => new Set(each.map(definitionOf)))
  const candidates = new Map([...first, ...second].map((each) => [definitionOf(each), each]))
  const known = new Set(candidates.keys())
  const byStatement = new Map([one, two].map((statement, at) => [statement, own[at] ?? new Set<string>()]))
  addMergedCandidates({ candidates, byStatement }, existing, {
    width: (_, columns) => columns.length * width,
  })
  return own.map((definitions) =>
    [...definitions]
      .filter((each) => !known.has(each))
      .map((each) => definitionOn(candidates.get(each) as Candidate))
      .sort(),
  )
}

function existingIndex(...columns: string[]): TableIndex {
  const keys = columns.map((text, at) => ({
    ...{
      text,
      attnum: at + 1,
      ordering: '',
      hasOtherCollation: false,
      isDescending: false,
      nullsFirst: false,
    },
  }))
  return {
    ...{ accessMethod: 'btree', isValid: true, predicate: null, protectedBecause: null },
    ...{ table: { schema: 'public', name: 't' }, keys, included: [] },
  } as unknown as TableIndex
}

describe('candidates of two statements', () => {
  it('become one that begins as the first and has the keys of both', () => {
    const both = ['USING btree (a, b, c)']
    expect(merged([candidate(['a', 'b'])], [candidate(['b', 'a', 'c'])])).toEqual([both, both])
  })

  it('become one that carries along what both carry', () => {
    const both = ['USING btree (a) INCLUDE (b, c)']
    expect(merged([candidate(['a'], ['b'])], [candidate(['a'], ['c'])])).toEqual([both, both])
  })

  it('keep the order that the first one has', () => {
    const both = ['USING btree (a, b DESC, c)']
    expect(merged([candidate(['a', 'b DESC'])], [candidate(['b', 'a', 'c'])])).toEqual([both, both])
  })

  it.each([
    ['one is the other with more keys', [candidate(['a'])], [candidate(['a', 'b'])]],
    ['no key leads in both', [candidate(['a'])], [candidate(['b', 'c'])]],
    ['they are on other rows', [candidate(['a', 'b'])], [candidate(['b', 'a', 'c'], [], 'd > 0')]],
    [
      'both statements want both',
      [candidate(['a', 'b']), candidate(['b', 'a', 'c'])],
      [candidate(['a', 'b']), candidate(['b', 'a', 'c'])],
    ],
  ])('stay two where %s', (_, first, second) => {
    expect(merged(first, second)).toEqual([[], []])
  })

  it('stay two where the one would carry along too much', () => {
    expect(merged([candidate(['a'], ['b'])], [candidate(['a'], ['c'])], [], 60)).toEqual([[], []])
  })

  it('widen an index that exists', () => {
    expect(merged([], [candidate(['b', 'a', 'c'])], [existingIndex('a', 'b')])).toEqual([
      [],
      ['USING btree (a, b, c)'],
    ])
  })
})
