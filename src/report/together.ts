import { groupBy } from '../groupBy.ts'
import type { Level } from '../rules/rule.ts'

interface Groupable {
  rule: string
  level: Level
  infoBecause?: string
}

/** Findings of one rule and level that are reported in one line. */
export interface Together<F> {
  /** `412 of unindexed_foreign_keys on tables of at most 128 kB (info)` */
  title: string
  findings: F[]
}

/** Puts findings of the same rule, level and reason together, in the order in which each first comes. */
export function together<F extends Groupable>(findings: F[]): Together<F>[] {
  const groups = groupBy(findings, ({ rule, level, infoBecause }) =>
    JSON.stringify([rule, level, infoBecause]),
  )
  return Array.from(groups.values(), (group) => ({ title: titleOf(group), findings: group }))
}

/**
 * Separates the findings that share the reason why they are only `info`: thousands of these would hide the others. A
 * single one stays among the others.
 */
export function setApart<F extends Groupable>(findings: F[]): { single: F[]; groups: Together<F>[] } {
  const groups = together(findings.filter(({ infoBecause }) => infoBecause !== undefined)).filter(
    (group) => group.findings.length > 1,
  )
  const grouped = new Set(groups.flatMap((group) => group.findings))
  return { single: findings.filter((finding) => !grouped.has(finding)), groups }
}

function titleOf(group: [Groupable, ...Groupable[]]): string {
  const [first] = group
  const because = first.infoBecause === undefined ? '' : ` ${first.infoBecause}`
  return `${group.length} of ${first.rule}${because} (${first.level})`
}
