import { groupBy } from '../../groupBy.ts'
import { display } from '../../postgres/identifiers.ts'
import { unique } from '../../unique.ts'
import type { Level, Remedy } from '../rule.ts'
import { levels } from '../rule.ts'
import type { RuleName } from '../ruleNames.ts'
import type { Impact, Weighed } from './impact.ts'
import { byImpact } from './impact.ts'

/** What one rule wants of one table, or of all its tables of which none stands out: one thing to do. */
export interface Action {
  rule: RuleName
  /** The worst of its findings. */
  level: Level
  /** What it takes: a migration, steps for a person, or nothing that we would do. */
  remedy: Remedy['kind']
  /** The sum of its findings. */
  impact: Impact
  /** `public.orders`, those with the most impact first; empty where it is about no table. */
  tables: string[]
  schemas: string[]
  /** Whether it is about one table that stands out among the others of the rule. */
  standsOut: boolean
  /** Those with the most impact first. */
  findings: Weighed[]
}

/** A table with at least this share of what a rule's findings cost is an action of its own. */
const standsOutFrom = 0.1

/**
 * Groups findings into actions, those that matter most first; notes come after all warnings and errors. Findings of one
 * rule, remedy and kind of impact are one action, except that a table which has a tenth of their cost is one by itself.
 * A migration that fixes three hundred tables is one thing to decide.
 */
export function groupIntoActions(findings: Weighed[]): Action[] {
  const series = groupBy(findings, ({ rule, remedy, level, impact }) =>
    JSON.stringify([rule, remedy.kind, level === 'info', impact.kind]),
  )
  return [...series.values()]
    .flatMap(cut)
    .toSorted(
      (one, other) => Number(one.level === 'info') - Number(other.level === 'info') || byImpact(one, other),
    )
}

function cut(findings: Weighed[]): Action[] {
  const places = [...groupBy(findings, placeOf).values()]
  const total = sumOf(findings)
  const isAlone = (place: Weighed[]): boolean =>
    places.length === 1 || (total > 0 && sumOf(place) >= standsOutFrom * total)
  const others = places.filter((place) => !isAlone(place)).flat()
  return [
    ...places.filter(isAlone).map((place) => toAction(place, places.length > 1)),
    ...(others.length > 0 ? [toAction(others, false)] : []),
  ]
}

/** The table, or the subject of what is about none, such as a statement. */
function placeOf({ table, subject }: Weighed): string {
  return JSON.stringify(table ?? subject)
}

function toAction(findings: Weighed[], standsOut: boolean): Action {
  const sorted = findings.toSorted(byImpact)
  const [first] = sorted
  if (!first) throw new Error('an action needs a finding')
  const tables = unique(sorted.flatMap(({ table }) => (table ? [table] : [])))
  return {
    rule: first.rule,
    level: levels[Math.max(...sorted.map(({ level }) => levels.indexOf(level)))] ?? 'info',
    remedy: first.remedy.kind,
    impact: {
      ...first.impact,
      value: first.impact.value === null ? null : sumOf(sorted),
      tableBytes: Math.max(...sorted.map(({ impact }) => impact.tableBytes)),
    },
    tables: tables.map(([schema, name]) => display({ schema, name })),
    schemas: unique(tables.map(([schema]) => schema)),
    standsOut: standsOut && tables.length === 1,
    findings: sorted,
  }
}

function sumOf(findings: Weighed[]): number {
  return findings.reduce((sum, { impact }) => sum + (impact.value ?? 0), 0)
}
