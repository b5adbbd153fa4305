import type { Impact } from '../rules/impact/impact.ts'
import type { Violation } from '../rules/rule.ts'
import type { Level } from '../rules/rule.ts'
import { levels } from '../rules/rule.ts'
import type { Block } from './block.ts'

/** How a section or rule ended. Skipped is never passed: `reason` says what could not be seen. */
export type SectionStatus = 'ok' | 'skipped' | 'failed'

export interface ReportSection {
  /** `cache`, `table_bloat` ...; `rule/unused_index` for a rule. */
  id: string
  title: string
  status: SectionStatus
  reason?: string
  blocks?: Block[]
}

/** A figure with a target. */
export interface Metric {
  id: string
  title: string
  /** Null where it could not be had. */
  value: number | null
  unit: string
  target?: number
  /** Whether a good value is at least the target, or at most. */
  better?: 'higher' | 'lower'
  /** Absent where too little has happened to judge. */
  met?: boolean
  kind: 'measured' | 'estimated'
  /** What the figure leaves out, or how it is weighted. */
  note?: string
  /** Since an earlier report of the same counters: the value over that time alone, or how much the value moved. */
  trend?: { since: string; value: number; of: 'interval' | 'change' }
}

/** A finding as the report has it; the operation of a migration is for `optimize` to write. */
export interface ReportFinding extends Omit<Violation, 'remedy'> {
  key: string
  rule: string
  remedy: { kind: 'migration' | 'runbook' | 'none'; title: string; steps?: string[] }
  /** Absent for what is about the ignore file, and in reports of older versions. */
  impact?: Impact
}

/** One thing to do, which may fix hundreds of findings. */
export interface ReportAction {
  rule: string
  /** The worst of its findings. */
  level: Level
  remedy: 'migration' | 'runbook' | 'none'
  /** What its findings cost together. */
  impact: Impact
  /** `unindexed_foreign_keys: 3 on public.orders`. */
  title: string
  /** `public.orders`, those with the most impact first. */
  tables: string[]
  /** Writes its migrations; absent where it has none. */
  command?: string
  /** Of its findings, those with the most impact first. */
  keys: string[]
}

/** A finding that the ignore file leaves out, and why. */
export interface IgnoredFinding {
  key: string
  reason: string
  expires?: string
}

/** A statement's figures, for comparing two reports. */
export interface ReportStatement {
  id: string
  text: string
  calls: number
  totalMs: number
  meanMs: number
}

/** Everything that one look at a database showed; `report.json` is this. */
export interface DiagnosisReport {
  schemaVersion: 1
  command: 'diagnose'
  /** ISO 8601, UTC. */
  takenAt: string
  server: {
    version: string
    provider: string
    database: string
    role: string
    isStandby: boolean
  }
  /** Since when the database's counters count. */
  statistics: { resetAt: string | null; ageDays: number | null }
  sections: ReportSection[]
  metrics: Metric[]
  findings: ReportFinding[]
  /** What to do about the findings, what matters most first; notes come last. Absent in reports of older versions. */
  actions?: ReportAction[]
  ignored: IgnoredFinding[]
  /** Sums since `statistics.resetAt`: only reports of the same reset can be subtracted. */
  counters: Record<string, number>
  statements: { countedSince: string | null; list: ReportStatement[] }
}

/** The most severe first, then by rule and subject. */
export function byLevel(one: ReportFinding, other: ReportFinding): number {
  return (
    levels.indexOf(other.level) - levels.indexOf(one.level) ||
    (one.key < other.key ? -1 : one.key > other.key ? 1 : 0)
  )
}
