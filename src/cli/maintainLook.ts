import type { Client } from 'pg'
import { sessionUrl } from '../config.ts'
import type { Comparison } from '../diagnose/compare.ts'
import { compareReports } from '../diagnose/compare.ts'
import type { Diagnosis } from '../diagnose/diagnose.ts'
import { diagnose } from '../diagnose/diagnose.ts'
import { findLatestReport } from '../diagnose/readReport.ts'
import { findHistory } from '../history/historyFile.ts'
import type { LastRuns } from '../operate/maintain/maintenanceLedger.ts'
import type { Period } from '../operate/maintain/period.ts'
import { dueAfterMs, rulesOf } from '../operate/maintain/period.ts'
import { parseTarget } from '../postgres/connect.ts'
import { comparisonText } from '../report/comparison/text.ts'
import { freeFolder, writeFolder } from '../report/diagnosis/folder.ts'
import { actionLines } from '../report/diagnosis/actions.ts'
import { diagnosisPage } from '../report/diagnosis/page.ts'
import { diagnosisSummary } from '../report/diagnosis/summary.ts'
import { diagnosisText } from '../report/diagnosis/text.ts'
import { jsonDocument } from '../report/jsonDocument.ts'
import { readIgnoreFile } from '../rules/ignoreFile.ts'
import type { CommandContext } from './context.ts'
import { parseRules } from './parseRules.ts'

/** Whether the look of a schedule has not been done for as long. */
export function isLookDue(period: Period, last: LastRuns): boolean {
  const done = last.of('look', period)
  return done === undefined || Date.now() - done.getTime() >= dueAfterMs[period]
}

/** What a schedule looks at, for people. */
export function lookTitle(period: Period): string {
  return {
    daily: 'cache, connections, locks and slow statements',
    weekly: 'everything, compared with the last report',
    monthly: 'bloat, statistics and slow statements',
    quarterly: 'policies, unused indexes and tables worth partitioning',
  }[period]
}

/** What a look has found; a report is written and compared weekly. */
export interface Look {
  diagnosis: Diagnosis
  comparison: Comparison | undefined
  folder: string | undefined
}

/** Diagnoses what a schedule looks at. Weekly that is everything: the report is kept, and compared with the last one. */
export async function lookAround(
  { config, terminal }: CommandContext,
  client: Client,
  period: Period,
  out: string,
  print: (line: string) => void,
): Promise<Look> {
  const rules = period === 'weekly' ? undefined : rulesOf[period].join(',')
  const { database } = parseTarget(sessionUrl(config))
  const earlier = period === 'weekly' ? await findLatestReport(out, database) : undefined
  const history = await findHistory(database, (reason) => terminal.err(`No trend: ${reason}\n`))
  const diagnosis = await diagnose(client, {
    rules: parseRules(rules),
    ignore: await readIgnoreFile(),
    signal: terminal.signal,
    onStep: (step) => terminal.progress(`  ${step}`),
    ...(earlier ? { earlier } : {}),
    ...(history ? { history } : {}),
  })
  terminal.progress('')
  const { report } = diagnosis
  for (const line of actionLines(report)) print(line)
  if (report.findings.length === 0) print('No findings.')
  for (const { rule, reason } of skippedRules(report)) print(`not looked at ${rule}: ${reason}`)
  if (period !== 'weekly') return { diagnosis, comparison: undefined, folder: undefined }
  const folder = await freeFolder(out, report.takenAt)
  await writeFolder(folder, {
    'SUMMARY.md': diagnosisSummary(report),
    'diagnostics-report.txt': diagnosisText(report),
    'report.json': jsonDocument(report.command, report, new Date(report.takenAt)),
    'report.html': diagnosisPage(report, diagnosis.actions),
  })
  const comparison = earlier ? compareReports(earlier, report) : undefined
  if (comparison) print(comparisonText(comparison))
  print(`Written to ${folder}`)
  return { diagnosis, comparison, folder }
}

/** Rules that could not see, and so have not passed. */
export function skippedRules({ sections }: Diagnosis['report']): { rule: string; reason: string }[] {
  return sections
    .filter(({ id, status }) => id.startsWith('rule/') && status !== 'ok')
    .map(({ id, reason }) => ({ rule: id.slice('rule/'.length), reason: reason ?? 'unknown' }))
}
