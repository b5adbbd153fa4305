import type { IgnoreEntry } from '../rules/ignoreFile.ts'
import { ignorePath, isExpired, isNamedBy, sift } from '../rules/ignoreFile.ts'
import type { IgnoredFinding, ReportFinding } from './report.ts'

/** What is left of the findings, what was left out, and what is wrong with the entries themselves. */
export interface Ignored {
  findings: ReportFinding[]
  ignored: IgnoredFinding[]
}

/**
 * Takes out the findings that an entry names. An expired entry, and one that names no finding, become findings
 * themselves. An entry of a rule that did not run may still name one.
 */
export function applyIgnoreFile(
  entries: IgnoreEntry[],
  findings: ReportFinding[],
  options: { today: Date; ran: (rule: string) => boolean },
): Ignored {
  const { kept, ignored } = sift(entries, findings, options.today)
  const complaints = entries.flatMap((entry) => {
    if (isExpired(entry, options.today))
      return [complaint(entry, 'warn', `expired on ${entry.expires ?? ''}`)]
    if (options.ran(entry.rule) && !findings.some((finding) => isNamedBy(entry, finding))) {
      return [complaint(entry, 'info', 'names no finding')]
    }
    return []
  })
  return {
    findings: [...kept, ...complaints],
    ignored: ignored.map(({ finding: { key }, entry: { reason, expires } }) => ({
      ...{ key, reason },
      ...(expires === undefined ? {} : { expires }),
    })),
  }
}

function complaint(entry: IgnoreEntry, level: 'info' | 'warn', problem: string): ReportFinding {
  return {
    key: `ignore_entry ${entry.rule} ${entry.subject}`,
    rule: 'ignore_entry',
    level,
    subject: [ignorePath, entry.rule, entry.subject],
    detail: `The entry for ${entry.rule} on ${entry.subject} ${problem}: ${entry.reason}`,
    evidence: [],
    remedy: {
      kind: 'runbook',
      title: `Look at the entry again`,
      steps: [`Remove it from ${ignorePath}, or give it a new reason and date.`],
    },
  }
}
