import { join } from 'node:path'
import { Argument, Command } from 'commander'
import type { Client } from 'pg'
import { sessionUrl } from '../config.ts'
import type { Comparison } from '../diagnose/compare.ts'
import { compareReports } from '../diagnose/compare.ts'
import type { Diagnosis } from '../diagnose/diagnose.ts'
import { diagnose } from '../diagnose/diagnose.ts'
import { findLatestReport } from '../diagnose/readReport.ts'
import { HundredfoldError, exitCodes, messageOf } from '../errors.ts'
import type { Job } from '../operate/maintain/jobs.ts'
import { findJobs } from '../operate/maintain/jobs.ts'
import type { LastRuns } from '../operate/maintain/maintenanceLedger.ts'
import { ensureMaintenanceLedger, readLastRuns, recordRun } from '../operate/maintain/maintenanceLedger.ts'
import type { Period } from '../operate/maintain/period.ts'
import { dueAfterMs, periods, rulesOf } from '../operate/maintain/period.ts'
import { connect, parseTarget } from '../postgres/connect.ts'
import { isConnectionLost } from '../postgres/sqlState.ts'
import { comparisonText } from '../report/comparison/text.ts'
import { folderName, writeFolder } from '../report/diagnosis/folder.ts'
import { diagnosisPage } from '../report/diagnosis/page.ts'
import { diagnosisSummary } from '../report/diagnosis/summary.ts'
import { diagnosisText } from '../report/diagnosis/text.ts'
import { jsonDocument } from '../report/jsonDocument.ts'
import { isAtLeast } from '../rules/rule.ts'
import { readIgnoreFile } from '../rules/ignoreFile.ts'
import { confirmed } from './confirmed.ts'
import type { CommandContext } from './context.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'
import { parseRules } from './parseRules.ts'

interface CommandOptions extends OutputOptions {
  plan?: boolean
  out: string
  yes?: boolean
}

/** `maintain`: what a schedule has to do, done once. */
export function maintainCommand(context: CommandContext): Command {
  return new Command('maintain')
    .addArgument(new Argument('<schedule>', 'how often it is called').choices(periods))
    .option('--plan', 'only show what is due; writes nothing anywhere')
    .option('--out <dir>', 'where reports are kept, and the last one is found', '.')
    .option('--yes', 'do it without asking, as a scheduler must')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold maintain daily --yes
  $ npx hundredfold maintain weekly --out reports --yes
  $ npx hundredfold maintain monthly --plan

daily      cache, connections, locks, slow statements; makes the next partitions
weekly     a whole report, compared with the last one
monthly    vacuums and analyzes what nobody has vacuumed for a month; bloat, slow statements
quarterly  policies, unused indexes, tables worth partitioning

What was done is remembered in the database: called again, only what is due is done. Ends with 2 if an error is found or a
task fails, with 4 if the weekly report is worse than the last one.
`,
    )
    .action(async (period: Period, options: CommandOptions) => {
      const { config, terminal } = context
      const client = await connect(sessionUrl(config))
      const stop = () => void client.end().catch(() => undefined)
      terminal.signal.addEventListener('abort', stop, { once: true })
      try {
        await maintain(context, client, period, options)
      } finally {
        terminal.progress('')
        terminal.signal.removeEventListener('abort', stop)
        await client.end().catch(() => undefined)
      }
    })
}

interface Done {
  task: string
  subject: string
  failed?: string
  result?: string
}

async function maintain(
  context: CommandContext,
  client: Client,
  period: Period,
  options: CommandOptions,
): Promise<void> {
  const { terminal, finish } = context
  const print = peopleLine(terminal, options)
  const last = await readLastRuns(client)
  const jobs = await findJobs(client, period, last)
  const looks = isLookDue(period, last)
  print(looks ? `Due: a look at ${lookTitle(period)}` : `Not due: a look at ${lookTitle(period)}`)
  for (const { title, why } of jobs.due) print(`Due: ${title} (${why})`)
  if (jobs.done > 0) print(`Not due: ${jobs.done} more`)
  if (!looks && jobs.due.length === 0) print('Nothing is due.')
  if (options.plan || (!looks && jobs.due.length === 0)) {
    await writeJson(terminal, options, 'maintain', resultJson(period, jobs.due, [], undefined))
    finish(exitCodes.done)
    return
  }
  if (!(await confirmed(terminal, options, 'Do what is due, and remember it in the database?'))) return
  await ensureMaintenanceLedger(client)
  const done = await runJobs(context, client, jobs.due, print)
  const look = looks ? await lookAround(context, client, period, options, print) : undefined
  if (look) await recordRun(client, 'look', period)
  await writeJson(terminal, options, 'maintain', resultJson(period, jobs.due, done, look))
  const failed = done.filter((each) => each.failed !== undefined)
  const [first] = failed
  if (first) {
    throw new HundredfoldError(
      exitCodes.conditionFailed,
      `${failed.length} of ${done.length} tasks failed: ${first.task} of ${first.subject}: ${first.failed ?? ''}`,
      'Solve what it says; the next run does what is still due.',
    )
  }
  finish(exitOf(look))
}

function exitOf(
  look: Look | undefined,
): typeof exitCodes.done | typeof exitCodes.drift | typeof exitCodes.conditionFailed {
  if (look?.comparison && look.comparison.regressions.length > 0) return exitCodes.drift
  const hasError = look?.diagnosis.report.findings.some(({ level }) => isAtLeast(level, 'error')) ?? false
  return hasError ? exitCodes.conditionFailed : exitCodes.done
}

async function runJobs(
  { terminal }: CommandContext,
  client: Client,
  jobs: readonly Job[],
  print: (line: string) => void,
): Promise<Done[]> {
  const done: Done[] = []
  for (const { task, subject, title, run } of jobs) {
    terminal.signal.throwIfAborted()
    terminal.progress(title)
    try {
      const result = await run(client)
      await recordRun(client, task, subject)
      done.push({ task, subject, result })
      print(`done    ${title}${result === '' ? '' : `: ${result}`}`)
    } catch (error) {
      if (isConnectionLost(error)) throw error
      done.push({ task, subject, failed: messageOf(error) })
      print(`failed  ${title}: ${messageOf(error)}`)
    }
  }
  return done
}

function isLookDue(period: Period, last: LastRuns): boolean {
  const done = last.of('look', period)
  return done === undefined || Date.now() - done.getTime() >= dueAfterMs[period]
}

function lookTitle(period: Period): string {
  return {
    daily: 'cache, connections, locks and slow statements',
    weekly: 'everything, compared with the last report',
    monthly: 'bloat, statistics and slow statements',
    quarterly: 'policies, unused indexes and tables worth partitioning',
  }[period]
}

interface Look {
  diagnosis: Diagnosis
  comparison: Comparison | undefined
  folder: string | undefined
}

async function lookAround(
  { config, terminal }: CommandContext,
  client: Client,
  period: Period,
  { out }: CommandOptions,
  print: (line: string) => void,
): Promise<Look> {
  const rules = period === 'weekly' ? undefined : rulesOf[period].join(',')
  const earlier =
    period === 'weekly' ? await findLatestReport(out, parseTarget(sessionUrl(config)).database) : undefined
  const diagnosis = await diagnose(client, {
    rules: parseRules(rules),
    ignore: await readIgnoreFile(),
    signal: terminal.signal,
    onStep: (step) => terminal.progress(`  ${step}`),
    ...(earlier ? { earlier } : {}),
  })
  terminal.progress('')
  const { report } = diagnosis
  for (const { level, rule, detail } of report.findings.slice(0, 10)) print(`${level} ${rule}: ${detail}`)
  if (report.findings.length > 10) print(`and ${report.findings.length - 10} findings more`)
  if (report.findings.length === 0) print('No findings.')
  if (period !== 'weekly') return { diagnosis, comparison: undefined, folder: undefined }
  const folder = join(out, folderName(report.takenAt))
  await writeFolder(folder, {
    'SUMMARY.md': diagnosisSummary(report),
    'diagnostics-report.txt': diagnosisText(report),
    'report.json': jsonDocument(report.command, report, new Date(report.takenAt)),
    'report.html': diagnosisPage(report),
  })
  const comparison = earlier ? compareReports(earlier, report) : undefined
  if (comparison) print(comparisonText(comparison))
  print(`Written to ${folder}`)
  return { diagnosis, comparison, folder }
}

function resultJson(
  period: Period,
  due: readonly Job[],
  done: readonly Done[],
  look: Look | undefined,
): object {
  return {
    schedule: period,
    due: due.map(({ task, subject, title, why, sql }) => ({ task, subject, title, why, sql })),
    done,
    findings: look?.diagnosis.report.findings ?? null,
    regressions: look?.comparison?.regressions ?? null,
    folder: look?.folder ?? null,
  }
}
