import fc from 'fast-check'
import type { DiagnosisReport, ReportFinding } from '../../../src/diagnose/report.ts'
import { levels } from '../../../src/rules/rule.ts'

/** Names and sentences as databases may hold them: any characters but NUL. */
const text = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 63 })
  .map((each) => each.replaceAll('\0', '-'))

const finding: fc.Arbitrary<ReportFinding> = fc
  .record({
    rule: fc.constantFrom('unused_index', 'no_primary_key', 'ignore_file'),
    level: fc.constantFrom(...levels),
    subject: fc.array(text, { minLength: 1, maxLength: 3 }),
    detail: text,
    title: text,
  })
  .map(({ title, rule, subject, ...rest }) => ({
    ...rest,
    ...{ rule, subject, evidence: [], key: `${rule} ${subject.join('.')}` },
    remedy: { kind: 'none', title },
  }))

/** Reports with hostile names, for documents that other programs read. */
export const reports: fc.Arbitrary<DiagnosisReport> = fc
  .record({ findings: fc.array(finding, { maxLength: 4 }), database: text, reason: text })
  .map(({ findings, database, reason }) => makeReport(findings, { database, reason }))

export function makeReport(
  findings: ReportFinding[],
  { database, reason }: { database: string; reason: string },
): DiagnosisReport {
  return {
    ...{ takenAt: '2026-11-24T15:00:00.000Z', server: { database }, findings },
    sections: [
      { id: 'rule/unused_index', title: 'unused_index', status: 'ok' },
      { id: 'rule/no_primary_key', title: 'no_primary_key', status: 'ok' },
      { id: 'rule/table_bloat', title: 'table_bloat', status: 'skipped', reason },
      { id: 'rule/slow_query', title: 'slow_query', status: 'failed', reason },
      { id: 'cache', title: 'Cache', status: 'ok' },
    ],
  } as unknown as DiagnosisReport
}
