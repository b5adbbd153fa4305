import { expect, test } from 'vitest'
import { setApart, together } from '../../src/report/together.ts'
import type { Level } from '../../src/rules/rule.ts'

const small = 'on tables of at most 128 kB'

function finding(rule: string, level: Level, infoBecause?: string) {
  return { rule, level, ...(infoBecause === undefined ? {} : { infoBecause }) }
}

const findings = [
  finding('unused_index', 'info'),
  finding('unindexed_foreign_keys', 'info', small),
  finding('unindexed_foreign_keys', 'warn'),
  finding('unindexed_foreign_keys', 'info', small),
  finding('unindexed_foreign_keys', 'info', 'on tables that are empty here'),
  finding('unused_index', 'info'),
]

test('one line stands for the findings of one rule, level and reason', () => {
  expect(together(findings).map(({ title }) => title)).toEqual([
    '2 of unused_index (info)',
    '2 of unindexed_foreign_keys on tables of at most 128 kB (info)',
    '1 of unindexed_foreign_keys (warn)',
    '1 of unindexed_foreign_keys on tables that are empty here (info)',
  ])
})

test('a report groups the notes that share a reason, but leaves a single one alone', () => {
  const { single, groups } = setApart(findings)
  expect(groups.map(({ title }) => title)).toEqual([
    '2 of unindexed_foreign_keys on tables of at most 128 kB (info)',
  ])
  expect(single).toEqual(findings.filter((_, at) => at !== 1 && at !== 3))
})
