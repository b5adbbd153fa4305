import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { findLatestReport, listReportFolders } from '../../diagnose/readReport.ts'
import type { DiagnosisReport } from '../../diagnose/report.ts'
import type { Level } from '../../rules/rule.ts'

/** What `monitor` takes from a report. */
export interface ReportFigures {
  takenAt: Date
  findings: Record<Level, number>
  /** Per cent; null where the report could not tell. */
  freeSpace: number | null
}

/** Finds the newest report of a database in a folder. A report is read only when a newer one has come. */
export function followReports(folder: string): (database: string) => Promise<ReportFigures | undefined> {
  let seen: { stamp: string; figures: ReportFigures | undefined } | undefined
  return async (database) => {
    const stamp = JSON.stringify([database, await stampOf(folder)])
    if (seen?.stamp !== stamp) {
      const report = await findLatestReport(folder, database)
      seen = { stamp, figures: report && figuresOf(report) }
    }
    return seen.figures
  }
}

async function stampOf(folder: string): Promise<unknown> {
  const [newest] = await listReportFolders(folder)
  if (newest === undefined) return undefined
  const file = await stat(join(folder, newest, 'report.json')).catch(() => undefined)
  return [newest, file?.mtimeMs, file?.size]
}

function figuresOf({ takenAt, findings, metrics }: DiagnosisReport): ReportFigures {
  const count = (wanted: Level) => findings.filter(({ level }) => level === wanted).length
  return {
    takenAt: new Date(takenAt),
    findings: { info: count('info'), warn: count('warn'), error: count('error') },
    freeSpace: metrics.find(({ id }) => id === 'free_space')?.value ?? null,
  }
}
