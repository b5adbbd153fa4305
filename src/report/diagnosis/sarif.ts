import type { DiagnosisReport, ReportFinding } from '../../diagnose/report.ts'
import { rules } from '../../rules/index.ts'
import type { Level } from '../../rules/rule.ts'
import { displayIdentifier } from '../../postgres/identifiers.ts'

const sarifLevels = { error: 'error', warn: 'warning', info: 'note' } as const satisfies Record<Level, string>

interface SarifOptions {
  /** Keys of the findings that a baseline does not have; without a baseline nothing is said of that. */
  isNew?: (finding: ReportFinding) => boolean
}

/**
 * The findings as SARIF 2.1.0, for code scanning. A database has no source files, so a result lies in a file that is named
 * after its object: `postgresql/app/public/orders`. Its fingerprint is the finding's key, which stays from run to run.
 */
export function sarifDocument(report: DiagnosisReport, { isNew }: SarifOptions = {}): string {
  const { findings, server, sections, takenAt } = report
  const seen = new Set(findings.map(({ rule }) => rule))
  const described = rules.filter(({ name }) => seen.has(name))
  const failed = sections.filter(({ status }) => status !== 'ok')
  const run = {
    tool: {
      driver: {
        name: 'hundredfold',
        rules: described.map(({ name, finds, cure }) => ({
          id: name,
          shortDescription: { text: `Finds ${finds}.` },
          help: { text: `Cure: ${cure}.` },
        })),
      },
    },
    automationDetails: { id: `hundredfold/${server.database}/` },
    invocations: [
      {
        executionSuccessful: sections.every(({ status }) => status !== 'failed'),
        endTimeUtc: takenAt,
        toolExecutionNotifications: failed.map(({ id, status, reason }) => ({
          level: status === 'failed' ? 'error' : 'note',
          message: { text: `${id} was ${status === 'failed' ? 'not finished' : 'skipped'}: ${reason ?? ''}` },
        })),
      },
    ],
    results: findings.map((finding) => ({
      ruleId: finding.rule,
      level: sarifLevels[finding.level],
      message: { text: `${finding.detail}\n${finding.remedy.title}` },
      locations: [locationOf(finding, server.database)],
      partialFingerprints: { 'hundredfold/v1': finding.key },
      ...(isNew ? { baselineState: isNew(finding) ? 'new' : 'unchanged' } : {}),
    })),
  }
  const document = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [run],
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function locationOf({ subject }: ReportFinding, database: string): object {
  const path = ['postgresql', database, ...subject.slice(0, 2)].map((part) =>
    encodeURIComponent(wellFormed(part)),
  )
  return {
    physicalLocation: { artifactLocation: { uri: path.join('/') }, region: { startLine: 1 } },
    logicalLocations: [{ fullyQualifiedName: subject.map(displayIdentifier).join('.'), kind: 'resource' }],
  }
}

/** Half of a surrogate pair is no text, and has no encoding. A part that is `.` or `..` would lead elsewhere. */
function wellFormed(part: string): string {
  const text = Buffer.from(part).toString()
  return /^\.{1,2}$/.test(text) ? `${text}_` : text
}
