import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { errorCode } from '../postgres/sqlState.ts'
import { UsageError, messageOf } from '../errors.ts'
import { impactKinds } from '../rules/impact/impact.ts'
import { levels } from '../rules/rule.ts'
import type { DiagnosisReport } from './report.ts'

const impact = z.object({
  kind: z.enum(impactKinds),
  value: z.number().nullable(),
  unit: z.enum(['ms/h', 'bytes']).nullable(),
  basis: z.enum(['measured', 'estimated', 'classified']),
  because: z.string(),
  tableBytes: z.number(),
})
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])
const certainty = z.enum(['measured', 'estimated'])

/** What comparing needs of a report; everything else in it is ignored. */
const reportSchema = z.object({
  schemaVersion: z.literal(1),
  command: z.literal('diagnose'),
  takenAt: z.iso.datetime(),
  server: z.object({
    version: z.string(),
    provider: z.string(),
    database: z.string(),
    role: z.string(),
    isStandby: z.boolean(),
  }),
  statistics: z.object({ resetAt: z.string().nullable(), ageDays: z.number().nullable() }),
  sections: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      status: z.enum(['ok', 'skipped', 'failed']),
      reason: z.string().optional(),
    }),
  ),
  metrics: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      value: z.number().nullable(),
      unit: z.string(),
      target: z.number().optional(),
      better: z.enum(['higher', 'lower']).optional(),
      met: z.boolean().optional(),
      kind: certainty,
      note: z.string().optional(),
    }),
  ),
  findings: z.array(
    z.object({
      key: z.string(),
      rule: z.string(),
      level: z.enum(levels),
      subject: z.array(z.string()),
      detail: z.string(),
      evidence: z.array(
        z.object({ name: z.string(), value: scalar, unit: z.string().optional(), kind: certainty }),
      ),
      remedy: z.object({
        kind: z.enum(['migration', 'runbook', 'none']),
        title: z.string(),
        steps: z.array(z.string()).optional(),
      }),
      infoBecause: z.string().optional(),
      impact: impact.optional(),
    }),
  ),
  actions: z
    .array(
      z.object({
        rule: z.string(),
        level: z.enum(levels),
        remedy: z.enum(['migration', 'runbook', 'none']),
        impact,
        title: z.string(),
        tables: z.array(z.string()),
        command: z.string().optional(),
        keys: z.array(z.string()),
      }),
    )
    .optional(),
  ignored: z.array(z.object({ key: z.string(), reason: z.string(), expires: z.string().optional() })),
  counters: z.record(z.string(), z.number()),
  statements: z.object({
    countedSince: z.string().nullable(),
    list: z.array(
      z.object({
        id: z.string(),
        text: z.string(),
        calls: z.number(),
        totalMs: z.number(),
        meanMs: z.number(),
      }),
    ),
  }),
})

/**
 * Reads a report: the folder that `diagnose` wrote, or the file `report.json` itself.
 *
 * @throws UsageError where there is none, it is no report, or another version of hundredfold wrote it.
 */
export async function readReport(path: string): Promise<DiagnosisReport> {
  const file = (await stat(path).catch(() => undefined))?.isDirectory() ? join(path, 'report.json') : path
  let document: unknown
  try {
    document = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    const reason =
      error instanceof SyntaxError
        ? 'it is not valid JSON'
        : errorCode(error) === 'ENOENT'
          ? 'it does not exist'
          : messageOf(error)
    throw new UsageError(`Cannot read the report ${file}: ${reason}.`, howToGetOne, { cause: error })
  }
  const version = z.object({ schemaVersion: z.unknown() }).safeParse(document)
  if (version.success && version.data.schemaVersion !== 1) {
    throw new UsageError(
      `The report ${file} has version ${String(version.data.schemaVersion)}; this program reads version 1.`,
      'Write it again with this version: `npm run diagnose`.',
    )
  }
  const parsed = reportSchema.safeParse(document)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new UsageError(
      `${file} is no report of \`diagnose\`: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}.`,
      howToGetOne,
    )
  }
  return parsed.data as DiagnosisReport
}

const howToGetOne = 'Name a folder that `npm run diagnose` wrote, or the report.json in it.'

/** The newest report of a database among the folders in `directory`; undefined where there is none. */
export async function findLatestReport(
  directory: string,
  database: string,
): Promise<DiagnosisReport | undefined> {
  const folders = await listReportFolders(directory)
  for (const folder of folders.slice(0, 20)) {
    const report = await readReport(join(directory, folder)).catch(() => undefined)
    if (report?.server.database === database) return report
  }
  return undefined
}

/** The folders of reports in `directory`, the newest first. */
export async function listReportFolders(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => [])
  return names
    .filter((name) => /^diagnostics-\d{8}-\d{6}$/.test(name))
    .sort()
    .reverse()
}
