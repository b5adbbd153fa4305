import { describe, expect, it } from 'vitest'
import { groupIntoActions } from '../../../src/rules/impact/actions.ts'
import type { Weighed } from '../../../src/rules/impact/impact.ts'
import type { Level } from '../../../src/rules/rule.ts'
import type { RuleName } from '../../../src/rules/ruleNames.ts'

function finding(
  rule: RuleName,
  table: string,
  value: number | null,
  { level = 'warn', part = 'x' }: { level?: Level; part?: string } = {},
): Weighed {
  return {
    ...{ rule, level, subject: ['public', table, part], detail: '', evidence: [], table: ['public', table] },
    remedy: { kind: 'none', title: '' },
    impact:
      value === null
        ? { kind: 'risk', value, unit: null, basis: 'classified', because: '', tableBytes: 1 }
        : { kind: 'time', value, unit: 'ms/h', basis: 'estimated', because: '', tableBytes: 1 },
  }
}

const shown = (findings: Weighed[]) =>
  groupIntoActions(findings).map(({ rule, tables, impact, findings: all }) => [
    rule,
    tables.length,
    all.length,
    impact.value,
  ])

describe('findings become actions', () => {
  it('three hundred tables of which none stands out are one', () => {
    const many = Array.from({ length: 300 }, (_, at) => finding('auth_rls_initplan', `t${at}`, 200))
    expect(shown(many)).toEqual([['auth_rls_initplan', 300, 300, 60_000]])
  })

  it('a table with a tenth of the cost is one of its own, before the others', () => {
    const many = Array.from({ length: 99 }, (_, at) => finding('auth_rls_initplan', `t${at}`, 100))
    const hot = [
      finding('auth_rls_initplan', 'hot', 5_000),
      finding('auth_rls_initplan', 'hot', 4_000, { part: 'y' }),
    ]
    const actions = groupIntoActions([...many, ...hot])
    expect(actions.map(({ tables, standsOut }) => [tables[0], standsOut])).toEqual([
      ['public.t0', false],
      ['public.hot', true],
    ])
    expect(actions.map(({ impact }) => impact.value)).toEqual([9_900, 9_000])
  })

  it('what costs the most comes first, and notes come last whatever they cost', () => {
    expect(
      shown([
        finding('low_hot_ratio', 'a', 900, { level: 'info' }),
        finding('not_valid_constraint', 'a', null),
        finding('auth_rls_initplan', 'a', 100),
        finding('unindexed_foreign_keys', 'a', 300),
      ]).map(([rule]) => rule),
    ).toEqual(['unindexed_foreign_keys', 'auth_rls_initplan', 'not_valid_constraint', 'low_hot_ratio'])
  })

  it('each finding is in one action', () => {
    const all = Array.from({ length: 200 }, (_, at) =>
      finding(at % 2 ? 'auth_rls_initplan' : 'duplicate_index', `t${at % 17}`, at % 3 ? at * 50 : null, {
        part: `${at}`,
        level: at % 5 ? 'warn' : 'info',
      }),
    )
    const grouped = groupIntoActions(all).flatMap(({ findings }) => findings)
    expect(grouped).toHaveLength(200)
    expect(new Set(grouped)).toEqual(new Set(all))
  })
})
