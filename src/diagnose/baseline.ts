import { isAtLeast } from '../rules/rule.ts'
import type { DiagnosisReport, ReportFinding } from './report.ts'

/** Findings that an earlier report does not have, and those whose level has risen since. */
export function newSince(
  baseline: Pick<DiagnosisReport, 'findings'>,
  findings: readonly ReportFinding[],
): ReportFinding[] {
  const levels = new Map(baseline.findings.map(({ key, level }) => [key, level]))
  return findings.filter(({ key, level }) => {
    const was = levels.get(key)
    return was === undefined || !isAtLeast(was, level)
  })
}
