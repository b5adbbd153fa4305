import { Argument, Command, Option } from 'commander'
import type { Client } from 'pg'
import { sessionUrl } from '../config.ts'
import { HundredfoldError, exitCodes, messageOf } from '../errors.ts'
import type { Job } from '../operate/maintain/job.ts'
import { findJobs } from '../operate/maintain/jobs.ts'
import { ensureMaintenanceLedger, readLastRuns, recordRun } from '../operate/maintain/maintenanceLedger.ts'
import type { Period } from '../operate/maintain/period.ts'
import { periods } from '../operate/maintain/period.ts'
import { connect } from '../postgres/connect.ts'
import { isConnectionLost } from '../postgres/sqlState.ts'
import { isAtLeast } from '../rules/rule.ts'
import { confirmed } from './confirmed.ts'
import type { CommandContext } from './context.ts'
import type { Look } from './maintainLook.ts'
import { isLookDue, lookAround, lookTitle, skippedRules } from './maintainLook.ts'
import type { Scheduler } from './maintainSchedule.ts'
import { scheduleMaintenance, schedulers } from './maintainSchedule.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

interface CommandOptions extends OutputOptions {
  plan?: boolean
  out: string
  schedule?: Scheduler
  into?: string
  yes?: boolean
}

/** `maintain`: what a schedule has to do, done once, or given to a scheduler. */
export function maintainCommand(context: CommandContext): Command {
  return new Command('maintain')
    .addArgument(new Argument('<schedule>', 'how often it is called').choices(periods))
    .option('--plan', 'only show what is due; writes nothing anywhere')
    .option('--out <dir>', 'where reports are kept, and the last one is found', '.')
    .addOption(
      new Option('--schedule <with>', 'do nothing now: write what makes a scheduler do it').choices(
        schedulers,
      ),
    )
    .option(
      '--into <dir>',
      'where the files of --schedule go; migrations for pg_cron, standard output for the others',
    )
    .option('--yes', 'do it without asking, as a scheduler must')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold maintain daily --yes
  $ npx hundredfold maintain weekly --out reports --yes
  $ npx hundredfold maintain monthly --plan
  $ npx hundredfold maintain daily --schedule pg_cron
  $ npx hundredfold maintain weekly --out reports --schedule systemd --into units --yes
  $ npx hundredfold maintain weekly --out reports --schedule crontab

daily      cache, connections, locks, slow statements; makes the next partitions, drops old ones where a retention is declared
weekly     a whole report, compared with the last one; statistics of partitioned tables
monthly    vacuums and analyzes what nobody has vacuumed for a month; bloat, slow statements
quarterly  policies, unused indexes, tables worth partitioning; only reports

What was done is remembered in the database: called again, only what is due is done. What a job of pg_cron does is left to it.
With --schedule it writes migrations for pg_cron, or a systemd timer, a line for crontab or a workflow for GitHub, without a
password in any of them.

Exit codes for schedulers: 0 done, or nothing was due; 2 an error is found or a task failed; 4 the weekly report is worse
than the last one; 5 usage or configuration; 1 anything else. A task that failed stays due.
`,
    )
    .action(async (period: Period, options: CommandOptions) => {
      const { config, terminal } = context
      if (options.schedule !== undefined && options.schedule !== 'pg_cron') {
        await scheduleMaintenance(context, undefined, period, { ...options, schedule: options.schedule })
        return
      }
      const client = await connect(sessionUrl(config))
      const stop = () => void client.end().catch(() => undefined)
      terminal.signal.addEventListener('abort', stop, { once: true })
      try {
        const { schedule } = options
        if (schedule) await scheduleMaintenance(context, client, period, { ...options, schedule })
        else await maintain(context, client, period, options)
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
  for (const { title, why, affects } of jobs.due) print(`Due: ${title} (${[why, ...affects].join('; ')})`)
  if (jobs.done > 0) print(`Not due: ${jobs.done} more`)
  if (jobs.doneByCron > 0) print(`Left to pg_cron: ${jobs.doneByCron}`)
  for (const each of jobs.cannot) print(`Cannot ${each}.`)
  const found = { period, due: jobs.due, cannot: jobs.cannot }
  if (!looks && jobs.due.length === 0) print('Nothing is due.')
  if (options.plan || (!looks && jobs.due.length === 0)) {
    await writeJson(terminal, options, 'maintain', resultJson(found, [], undefined))
    finish(exitCodes.done)
    return
  }
  if (!(await confirmed(terminal, options, 'Do what is due, and remember it in the database?'))) return
  await ensureMaintenanceLedger(client)
  const done = await runJobs(context, client, jobs.due, print)
  const look = looks ? await lookAround(context, client, period, options.out, print) : undefined
  if (look) await recordRun(client, 'look', period)
  await writeJson(terminal, options, 'maintain', resultJson(found, done, look))
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

function resultJson(
  { period, due, cannot }: { period: Period; due: readonly Job[]; cannot: readonly string[] },
  done: readonly Done[],
  look: Look | undefined,
): object {
  return {
    schedule: period,
    due: due.map(({ task, subject, title, why, sql }) => ({ task, subject, title, why, sql })),
    cannot,
    done,
    findings: look?.diagnosis.report.findings ?? null,
    skipped: look ? skippedRules(look.diagnosis.report) : null,
    regressions: look?.comparison?.regressions ?? null,
    folder: look?.folder ?? null,
  }
}
