import type { Comparison } from '../diagnose/compare.ts'
import type { DiagnosisReport } from '../diagnose/report.ts'

/**
 * What became of the findings between two reports of one database.
 *
 * ```ts
 * const { fixed, new: appeared } = await compare(before, after)
 * ```
 */
export async function compare(before: DiagnosisReport, after: DiagnosisReport): Promise<Comparison> {
  const { compareReports } = await import('../diagnose/compare.ts')
  return compareReports(before, after)
}
