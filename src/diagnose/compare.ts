import type { Fact } from '../rules/rule.ts'
import type { DiagnosisReport, Metric, ReportFinding } from './report.ts'
import { byLevel } from './report.ts'
import { isAtLeast } from '../rules/rule.ts'
import { difference, whyNotComparable } from './trend.ts'

/** A finding that both reports have and that changed. */
export interface ChangedFinding {
  key: string
  rule: string
  before: ReportFinding
  after: ReportFinding
  /** `level: info -> warn`, `wasted: 8 -> 20 MB` ... */
  change: string
}

/** A metric in both reports. */
export interface ComparedMetric {
  id: string
  title: string
  unit: string
  target?: number
  before: number | null
  after: number | null
  metBefore?: boolean
  metAfter?: boolean
  verdict: 'better' | 'worse' | 'unchanged' | 'unknown'
}

/** A statement in both reports, with the time of one call. */
export interface ComparedStatement {
  id: string
  text: string
  beforeMs: number
  afterMs: number
}

/** What happened between two reports. */
export interface Comparison {
  before: { takenAt: string; database: string }
  after: { takenAt: string; database: string }
  new: ReportFinding[]
  fixed: ReportFinding[]
  worse: ChangedFinding[]
  better: ChangedFinding[]
  unchanged: number
  /** Findings whose rule did not run, or not fully, in the other report: neither fixed nor new. */
  notCompared: { key: string; reason: string }[]
  metrics: ComparedMetric[]
  statements: ComparedStatement[]
  /** What the counters say of the time between the two, or why they say nothing. */
  counters: { differences: Record<string, number> } | { refused: string }
  /** Something got worse: a new warning, a finding that grew, a metric that was met and no longer is. */
  regressions: string[]
}

/** Growth of a figure below this is noise. */
const noise = 0.25
/** A metric that moves less than this share of its value has not moved. */
const still = 0.01

/**
 * Compares two reports of one database, the earlier one first. Findings are the same where their keys are; what a rule
 * did not look at is neither fixed nor new.
 */
export function compareReports(before: DiagnosisReport, after: DiagnosisReport): Comparison {
  const old = new Map(before.findings.map((finding) => [finding.key, finding]))
  const young = new Map(after.findings.map((finding) => [finding.key, finding]))
  const notCompared: Comparison['notCompared'] = []
  const appeared = after.findings.filter((finding) => !old.has(finding.key))
  const gone = before.findings.filter((finding) => !young.has(finding.key))
  const ignoredBefore = new Set(before.ignored.map(({ key }) => key))
  const ignoredAfter = new Set(after.ignored.map(({ key }) => key))

  const isKnown =
    (other: DiagnosisReport, ignored: Set<string>, which: string) => (finding: ReportFinding) => {
      const reason = ignored.has(finding.key)
        ? `ignored in the ${which} report`
        : whyNotLooked(other, finding, which)
      if (reason === undefined) return true
      notCompared.push({ key: finding.key, reason })
      return false
    }
  const fresh = appeared.filter(isKnown(before, ignoredBefore, 'earlier')).sort(byLevel)
  const fixed = gone.filter(isKnown(after, ignoredAfter, 'later')).sort(byLevel)

  const worse: ChangedFinding[] = []
  const better: ChangedFinding[] = []
  let unchanged = 0
  for (const [key, finding] of old) {
    const now = young.get(key)
    if (!now) continue
    const moved = changeOf(finding, now)
    if (!moved) unchanged += 1
    else {
      const changed = { key, rule: now.rule, before: finding, after: now, change: moved.change }
      if (moved.isWorse) worse.push(changed)
      else better.push(changed)
    }
  }
  const metrics = compareMetrics(before, after)
  return {
    before: { takenAt: before.takenAt, database: before.server.database },
    after: { takenAt: after.takenAt, database: after.server.database },
    new: fresh,
    fixed,
    worse,
    better,
    unchanged,
    notCompared,
    metrics,
    statements: compareStatements(before, after),
    counters: compareCounters(before, after),
    regressions: [
      ...fresh
        .filter(({ level }) => isAtLeast(level, 'warn'))
        .map(({ key, level }) => `new ${level}: ${key}`),
      ...worse.map(({ key, change }) => `worse: ${key} (${change})`),
      ...metrics
        .filter(({ metBefore, metAfter }) => metBefore === true && metAfter === false)
        .map(({ title }) => `no longer met: ${title}`),
    ],
  }
}

/** A rule that was skipped, failed or not asked for has not passed. */
function whyNotLooked(report: DiagnosisReport, { rule }: ReportFinding, which: string): string | undefined {
  if (rule === 'ignore_entry') return undefined
  const section = report.sections.find(({ id }) => id === `rule/${rule}`)
  if (!section) return `the ${which} report did not run ${rule}`
  return section.status === 'ok'
    ? undefined
    : `${rule} was ${section.status} in the ${which} report: ${section.reason ?? ''}`
}

/** By level; else by the first figure in milliseconds or bytes, where more is always worse. */
function changeOf(
  before: ReportFinding,
  after: ReportFinding,
): { isWorse: boolean; change: string } | undefined {
  if (before.level !== after.level) {
    return {
      isWorse: !isAtLeast(before.level, after.level),
      change: `level: ${before.level} -> ${after.level}`,
    }
  }
  const figure = before.evidence.find(isHarm)
  const same = figure && after.evidence.find(({ name, unit }) => name === figure.name && unit === figure.unit)
  if (typeof figure?.value !== 'number' || typeof same?.value !== 'number') return undefined
  const [was, is] = [figure.value, same.value]
  if (Math.abs(is - was) <= noise * Math.max(Math.abs(was), Number.MIN_VALUE)) return undefined
  return { isWorse: is > was, change: `${figure.name}: ${was} -> ${is} ${figure.unit ?? ''}`.trim() }
}

function isHarm({ unit, value }: Fact): boolean {
  return typeof value === 'number' && (unit === 'ms' || unit === 'bytes')
}

function compareMetrics(before: DiagnosisReport, after: DiagnosisReport): ComparedMetric[] {
  return after.metrics.flatMap((metric) => {
    const was = before.metrics.find(({ id }) => id === metric.id)
    if (!was) return []
    const { id, title, unit, target } = metric
    return [
      {
        ...{ id, title, unit, before: was.value, after: metric.value },
        ...(target === undefined ? {} : { target }),
        ...(was.met === undefined ? {} : { metBefore: was.met }),
        ...(metric.met === undefined ? {} : { metAfter: metric.met }),
        verdict: verdictOn(was, metric),
      },
    ]
  })
}

function verdictOn(before: Metric, after: Metric): ComparedMetric['verdict'] {
  if (before.value === null || after.value === null || after.better === undefined) return 'unknown'
  const moved = after.value - before.value
  if (Math.abs(moved) <= still * Math.abs(before.value)) return 'unchanged'
  return moved > 0 === (after.better === 'higher') ? 'better' : 'worse'
}

/** Statements called since. With the same reset the earlier sums are subtracted, as they were before the change. */
function compareStatements(before: DiagnosisReport, after: DiagnosisReport): ComparedStatement[] {
  const sameSums = before.statements.countedSince === after.statements.countedSince
  const old = new Map(before.statements.list.map((statement) => [statement.id, statement]))
  return after.statements.list.flatMap((now) => {
    const was = old.get(now.id)
    if (!was) return []
    const calls = sameSums ? now.calls - was.calls : now.calls
    const total = sameSums ? now.totalMs - was.totalMs : now.totalMs
    return calls > 0 && total >= 0
      ? [{ id: now.id, text: now.text, beforeMs: was.meanMs, afterMs: total / calls }]
      : []
  })
}

function compareCounters(before: DiagnosisReport, after: DiagnosisReport): Comparison['counters'] {
  const refused = whyNotComparable(before, after)
  if (refused !== undefined) return { refused }
  const names = Object.keys(after.counters)
  return {
    differences: Object.fromEntries(
      names.flatMap((name) => {
        const grown = difference(name, after, before)
        return grown === undefined ? [] : [[name, grown]]
      }),
    ),
  }
}
