import type { DiagnosisReport, ReportFinding, ReportSection } from '../../diagnose/report.ts'

interface JunitOptions {
  /** Whether a finding fails its test case; the others are in its output. */
  isFailure: (finding: ReportFinding) => boolean
}

/** The rules as test cases of JUnit's XML: passed, failed with their findings, skipped with the reason, or not finished. */
export function junitDocument(report: DiagnosisReport, { isFailure }: JunitOptions): string {
  const sections = report.sections.filter(({ id }) => id.startsWith('rule/'))
  const cases = sections.map((section) => {
    const name = section.id.slice('rule/'.length)
    const findings = report.findings.filter(({ rule }) => rule === name)
    return caseOf(name, section, { failures: findings.filter(isFailure), findings })
  })
  // What is found about the ignore file belongs to no section.
  const others = report.findings.filter(({ rule }) => !sections.some(({ id }) => id === `rule/${rule}`))
  for (const finding of others) {
    const failures = [finding].filter(isFailure)
    cases.push(caseOf(finding.rule, { status: 'ok' }, { failures, findings: [finding] }))
  }
  const count = (kind: string) => cases.filter((each) => each.kind === kind).length
  const counts = `tests="${cases.length}" failures="${count('failed')}" errors="${count('error')}" skipped="${count('skipped')}"`
  const name = attribute(`hundredfold ${report.server.database}`)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${name}" ${counts} timestamp="${attribute(report.takenAt.replace(/\.\d+Z$|Z$/, ''))}">`,
    ...cases.map(({ xml }) => xml),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

interface Case {
  kind: 'passed' | 'failed' | 'error' | 'skipped'
  xml: string
}

function caseOf(
  name: string,
  { status, reason = '' }: Pick<ReportSection, 'status' | 'reason'>,
  { failures, findings }: { failures: ReportFinding[]; findings: ReportFinding[] },
): Case {
  const begin = `    <testcase classname="hundredfold" name="${attribute(name)}">`
  const wrap = (kind: Case['kind'], ...inner: string[]): Case => ({
    kind,
    xml: inner.length === 0 ? begin.replace(/>$/, '/>') : [begin, ...inner, '    </testcase>'].join('\n'),
  })
  const lines = (some: ReportFinding[]) =>
    some.map(({ level, detail, remedy }) => `${level}: ${detail}\n  ${remedy.title}`).join('\n')
  if (status === 'failed') return wrap('error', `      <error message="${attribute(reason)}"/>`)
  if (failures.length > 0) {
    const message = failures.length === 1 ? '1 finding' : `${failures.length} findings`
    return wrap('failed', `      <failure message="${message}">${text(lines(failures))}</failure>`)
  }
  if (status === 'skipped') return wrap('skipped', `      <skipped message="${attribute(reason)}"/>`)
  return findings.length === 0
    ? wrap('passed')
    : wrap('passed', `      <system-out>${text(lines(findings))}</system-out>`)
}

/** Characters that XML 1.0 does not allow become U+FFFD. */
function text(raw: string): string {
  return raw
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\u{FFFD}')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;')
}

function attribute(raw: string): string {
  return text(raw).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')
}
