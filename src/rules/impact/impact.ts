import type { Finding, Level } from '../rule.ts'
import { levels } from '../rule.ts'

/**
 * What kind of harm a finding does, the gravest first. Figures are compared within a kind only: nobody can say how many
 * bytes are worth a second.
 */
export const impactKinds = ['danger', 'time', 'space', 'risk'] as const
export type ImpactKind = (typeof impactKinds)[number]

/** Why the kinds are in this order, in the words of a report. */
export const orderOfKinds =
  'What may stop or expose the database comes first, then what costs the most time in each hour, then what takes the most space, then what may go wrong later, in the order of the levels.'

/** What a finding costs as long as nobody fixes it. */
export interface Impact {
  kind: ImpactKind
  /** Milliseconds in each hour (`time`) or bytes (`space`); null for the others, which have no figure. */
  value: number | null
  unit: 'ms/h' | 'bytes' | null
  /** Whether the value is counted by the server or computed from such counts; `classified` where there is none. */
  basis: 'measured' | 'estimated' | 'classified'
  /** How the value was computed, or what may happen. */
  because: string
  /** Bytes of the table, which orders what has no figure; 0 where it is about no table. */
  tableBytes: number
}

/** A finding with what it costs, and the table that it is about. */
export interface Weighed extends Finding {
  impact: Impact
  /** `[schema, table]`; undefined for what concerns the whole server, a role, a function or a statement. */
  table: [schema: string, name: string] | undefined
}

/** The gravest first: by kind, then by value, then by level, then by the size of the table. */
export function byImpact(
  one: { impact: Impact; level: Level },
  other: { impact: Impact; level: Level },
): number {
  return (
    impactKinds.indexOf(one.impact.kind) - impactKinds.indexOf(other.impact.kind) ||
    (other.impact.value ?? 0) - (one.impact.value ?? 0) ||
    levels.indexOf(other.level) - levels.indexOf(one.level) ||
    other.impact.tableBytes - one.impact.tableBytes
  )
}
