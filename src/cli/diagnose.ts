import { Command, Option } from 'commander'
import * as z from 'zod'
import { sessionUrl } from '../config.ts'
import { connect, parseTarget } from '../postgres/connect.ts'
import type { Diagnosis } from '../diagnose/diagnose.ts'
import { diagnose } from '../diagnose/diagnose.ts'
import { findHistory } from '../history/historyFile.ts'
import { readIgnoreFile } from '../rules/ignoreFile.ts'
import { findLatestReport, readReport } from '../diagnose/readReport.ts'
import { newSince } from '../diagnose/baseline.ts'
import type { DiagnosisReport, ReportFinding } from '../diagnose/report.ts'
import { junitDocument } from '../report/diagnosis/junit.ts'
import { sarifDocument } from '../report/diagnosis/sarif.ts'
import { isAtLeast } from '../rules/rule.ts'
import { UsageError, exitCodes } from '../errors.ts'
import { freeFolder, writeFolder } from '../report/diagnosis/folder.ts'
import { diagnosisPage } from '../report/diagnosis/page.ts'
import { rlsAnalysisText } from '../report/diagnosis/rlsText.ts'
import { actionLines, defaultView } from '../report/diagnosis/actions.ts'
import { countLevels, diagnosisSummary } from '../report/diagnosis/summary.ts'
import { diagnosisText, metricLines } from '../report/diagnosis/text.ts'
import type { CostIdentity } from '../policies/cost/policyCost.ts'
import { jsonDocument } from '../report/jsonDocument.ts'
import type { Level } from '../rules/rule.ts'
import { levels } from '../rules/rule.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { CommandContext } from './context.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine } from './output.ts'
import { parseBytesOf } from './workloadOptions.ts'
import { parseCount } from './options.ts'
import { parseRules } from './parseRules.ts'
import { refuseFailures } from './refuseFailures.ts'

interface DiagnoseCommandOptions extends OutputOptions {
  out: string
  failOn?: Level
  baseline?: string
  format?: 'sarif' | 'junit'
  rules?: string
  level: Level
  limit: number
  schema?: string[]
  analyze?: boolean
  allowWrites?: boolean
  memory?: number
  as?: string
  claims?: string
}

/** `diagnose`: what is wrong with a database, how sure we are, and what fixes it. */
export function diagnoseCommand({ config, terminal, finish }: CommandContext): Command {
  return new Command('diagnose')
    .option('--out <dir>', 'where the folder diagnostics-YYYYMMDD-HHMMSS is made', '.')
    .option('--json <file>', 'write report.json there too; - for standard output')
    .addOption(
      new Option('--fail-on <level>', 'end with 2 if a finding has this level or worse').choices(levels),
    )
    .option(
      '--baseline <file>',
      'a report.json: end with 2 only for what is new since then, at warn or worse unless --fail-on says otherwise',
    )
    .addOption(
      new Option('--format <name>', 'print the findings for other tools').choices(['sarif', 'junit']),
    )
    .option('--rules <names>', 'only these rules, separated by commas')
    .addOption(
      new Option('--level <level>', 'list actions for findings of this level or worse')
        .choices(levels)
        .default(defaultView.level),
    )
    .option('--limit <number>', 'how many actions to list first', parseCount, defaultView.limit)
    .option('--schema <name...>', 'only objects of these schemas')
    .option(
      '--memory <bytes>',
      "the memory of the server's machine, such as 16GB; looked up where that is this machine",
      parseBytesOf('--memory'),
    )
    .option(
      '--analyze',
      'execute the worst statements that only read, rolled back, for their real rows and times',
    )
    .option(
      '--allow-writes',
      'with --analyze: also those that write, rolled back; sequences still advance and triggers still fire',
    )
    .option('--as <role>', 'with --analyze: the role to measure the price of policies as')
    .option(
      '--claims <json>',
      'with --as: its claims, such as {"sub": "..."}; by default a user from the statistics',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ npm run diagnose                                   writes diagnostics-20261124-153000/
  $ npm run diagnose -- --out reports --fail-on error  for a scheduler
  $ npm run -s diagnose -- --json - | jq .findings
  $ npm run -s diagnose -- --baseline baseline/report.json --format sarif > hundredfold.sarif
  $ npm run diagnose -- --limit 30 --level info        lists more of what it found
  $ npm run diagnose -- --rules unused_index,duplicate_index --schema public

The folder holds SUMMARY.md, diagnostics-report.txt, rls-analysis.txt, report.json and report.html. What matters
most comes first, ten actions that each may fix hundreds of findings; all findings are in the folder.
An earlier report in the same place gives the trend. Findings to live with go into .hundredfold/ignore.yaml.
`,
    )
    .action(async (options: DiagnoseCommandOptions) => {
      const print = peopleLine(terminal, options.format ? { json: '-' } : options)
      const rules = parseRules(options.rules)
      if (options.format && options.json === '-') {
        throw new UsageError('--format and --json - both want standard output.', 'Give --json a file.')
      }
      const baseline = options.baseline === undefined ? undefined : await readReport(options.baseline)
      if (options.allowWrites && !options.analyze) {
        throw new UsageError('--allow-writes has no effect without --analyze.', 'Give both, or neither.')
      }
      const costIdentity = readCostIdentity(options)
      const ignore = await readIgnoreFile()
      const url = sessionUrl(config)
      const { database } = parseTarget(url)
      const earlier = await findLatestReport(options.out, database)
      const history = await findHistory(database, (reason) => terminal.err(`No trend: ${reason}\n`))
      const client = await connect(url)
      let diagnosis: Diagnosis
      try {
        diagnosis = await diagnose(client, {
          rules,
          ignore,
          signal: terminal.signal,
          onStep: (step) => terminal.progress(`  ${step}`),
          ...(options.schema ? { schemas: options.schema } : {}),
          ...(earlier ? { earlier } : {}),
          ...(history ? { history } : {}),
          ...(options.analyze ? { analyze: true } : {}),
          ...(costIdentity ? { costIdentity } : {}),
          ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
          ...(options.allowWrites ? { allowWrites: true } : {}),
        })
      } finally {
        await client.end()
      }
      terminal.progress('')
      const { report } = diagnosis
      const view = { limit: options.limit, level: options.level }
      const { takenAt } = report
      const folder = await freeFolder(options.out, takenAt)
      const json = jsonDocument(report.command, report, new Date(takenAt))
      await writeFolder(folder, {
        'SUMMARY.md': diagnosisSummary(report, view),
        'diagnostics-report.txt': diagnosisText(report, view),
        'rls-analysis.txt': diagnosis.rowSecurity
          ? rlsAnalysisText(diagnosis.rowSecurity, {
              takenAt,
              narrow: diagnosis.policiesToNarrow,
              ...(diagnosis.rlsCosts ? { costs: diagnosis.rlsCosts } : {}),
            })
          : 'Not seen: row-level security could not be read; see the last section of diagnostics-report.txt.\n',
        'report.json': json,
        'report.html': diagnosisPage(report, diagnosis.actions),
      })
      if (options.json === '-') terminal.out(json)
      else if (options.json !== undefined) await writeWholeFile(options.json, json)

      if (options.format)
        terminal.out(documentOf(options.format, report, { baseline, failOn: options.failOn }))
      for (const line of actionLines(report, view)) print(line)
      for (const line of metricLines(report)) print(line)
      print(`Findings: ${countLevels(report.findings)}`)
      if (baseline)
        print(`New since ${baseline.takenAt}: ${countLevels(newSince(baseline, report.findings))}`)
      const notSeen = report.sections.filter(({ status }) => status !== 'ok').length
      if (notSeen > 0) print(`Not seen: ${notSeen} sections and rules; the report says why.`)
      print(`Written to ${folder}`)
      refuseFailures(report.sections.map(({ id, ...ended }) => ({ name: nameOf(id), ...ended })))
      const failing = failingOf(report, baseline, options.failOn)
      finish(failing.length > 0 ? exitCodes.conditionFailed : exitCodes.done)
    })
}

/** The findings for which the command ends with 2. */
function failingOf(
  { findings }: DiagnosisReport,
  baseline: DiagnosisReport | undefined,
  failOn: Level | undefined,
): ReportFinding[] {
  const least = failOn ?? (baseline ? 'warn' : undefined)
  if (least === undefined) return []
  const judged = baseline ? newSince(baseline, findings) : findings
  return judged.filter(({ level }) => isAtLeast(level, least))
}

function documentOf(
  format: 'sarif' | 'junit',
  report: DiagnosisReport,
  { baseline, failOn }: { baseline: DiagnosisReport | undefined; failOn: Level | undefined },
): string {
  const isNew = baseline && ofSet(newSince(baseline, report.findings))
  if (format === 'sarif') return sarifDocument(report, isNew ? { isNew } : {})
  return junitDocument(report, { isFailure: ofSet(failingOf(report, baseline, failOn ?? 'warn')) })
}

function ofSet(findings: readonly ReportFinding[]): (finding: ReportFinding) => boolean {
  const set = new Set(findings)
  return (finding) => set.has(finding)
}

/** `rule/unused_index` -> `rule unused_index`, `cache` -> `section cache`. */
function nameOf(id: string): string {
  return id.startsWith('rule/') ? id.replace('/', ' ') : `section ${id}`
}

function readCostIdentity({ analyze, as: role, claims }: DiagnoseCommandOptions): CostIdentity | undefined {
  if (role === undefined) {
    if (claims === undefined) return undefined
    throw new UsageError(
      '--claims has no effect without --as.',
      'Name the role too, such as --as authenticated.',
    )
  }
  if (!analyze) throw new UsageError('--as has no effect without --analyze.', 'Give both, or neither.')
  const parsed = z.record(z.string(), z.unknown()).safeParse(jsonOf(claims ?? '{}'))
  if (parsed.success) return { role, claims: parsed.data }
  throw new UsageError('--claims is not a JSON object.', `Write it like this: --claims '{"sub": "..."}'.`)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
