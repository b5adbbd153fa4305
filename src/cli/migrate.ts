import { Command, Option } from 'commander'
import { HundredfoldError, exitCodes } from '../errors.ts'
import type { Hours } from '../migrate/hours.ts'
import type { Migration } from '../migrate/migration.ts'
import type { RunOptions } from '../migrate/runOptions.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import { connect } from '../postgres/connect.ts'
import type { Target } from '../migrate/target.ts'
import type { RunResult } from '../migrate/up.ts'
import { readProjectSettings } from '../project/settings.ts'
import type { CommandContext } from './context.ts'
import { parseCount, parseDailyHours, parseDuration } from './options.ts'
import type { GainOptions } from './migrateGain.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'
import type { Terminal } from './terminal.ts'
import type { VerifyFileOptions } from './verify.ts'

interface DirectoryOptions extends OutputOptions {
  dir: string
}

interface PlanOptions extends DirectoryOptions {
  to?: string
  approve?: boolean
  yes?: boolean
}

interface RunCommandOptions extends DirectoryOptions {
  to?: string
  lockTimeout: number
  lockBudget: number
  statementTimeout: number
  conditionTimeout: number
  buildTimeout: number
  maxReplicaLag: number
  maxRowsPerSecond?: number
  afterHours?: Hours
  approvedOnly?: boolean
}

/** What a command does is loaded when it is called, so that help and status start quickly. */
type RunCommand = (migrations: Migration[], target: Target, options: RunOptions) => Promise<RunResult>

/** `migrate up|down|redo|status|verify|new`, and the commands that `plan` and `prove` add. */
export function migrateCommand(context: CommandContext): Command {
  const migrate = new Command('migrate')
  migrate.addCommand(
    runCommand(
      context,
      'up',
      'apply pending migrations in order (all, or the next [count])',
      async () => (await import('../migrate/up.ts')).up,
      `
Examples:
  $ npm run migrate up                      apply everything that is pending
  $ npm run migrate up 1                    apply the next one
  $ npm run migrate up -- --lock-budget 2m  try longer while tables are busy
  $ npm run migrate up -- --max-rows-per-second 5000   a backfill in batches goes no faster than that
  $ npm run migrate up -- --after-hours 02:00-04:00  wait for the night, and begin nothing after four
  $ npm run migrate up -- --approved-only   for a deploy: nothing that nobody has read
`,
    ),
  )
  migrate.addCommand(
    runCommand(
      context,
      'down',
      'take back applied migrations, newest first (one, or [count])',
      async () => (await import('../migrate/down.ts')).down,
      `
Examples:
  $ npm run migrate down                    take back the newest one
  $ npm run migrate down -- --to NAME       take back everything down to and including NAME
`,
    ),
  )
  migrate.addCommand(
    runCommand(
      context,
      'redo',
      'take back the newest migrations and apply them again',
      async () => (await import('../migrate/redo.ts')).redo,
      `
Examples:
  $ npm run migrate redo 2                  the newest two, down and up again
`,
    ),
  )
  migrate.addCommand(statusCommand(context))
  migrate.addCommand(planCommand(context))
  migrate.addCommand(proveCommand(context))
  migrate.addCommand(verifyCommand(context))
  migrate.addCommand(newCommand(context))
  return migrate
}

function withDirectory(command: Command): Command {
  return command
    .option('--dir <directory>', 'where the migrations are', readProjectSettings().migrations)
    .option('--json <file>', 'write the result as JSON; - for standard output')
}

async function readMigrations({ dir }: DirectoryOptions): Promise<Migration[]> {
  const { loadMigrations } = await import('../migrate/loadMigrations.ts')
  return loadMigrations(dir)
}

/** What limits a run: each with its option and its name in `RunOptions`. */
const limits = [
  [
    '--lock-timeout <time>',
    'longest wait for a lock in one try, 1s by default; the first tries wait for 50ms',
    'lockTimeoutMs',
  ],
  ['--lock-budget <time>', 'how long to go on trying, 60s by default; then exit code 3', 'lockBudgetMs'],
  ['--statement-timeout <time>', 'longest time for one statement, 10m by default', 'statementTimeoutMs'],
  [
    '--condition-timeout <time>',
    'longest time for one query of a condition, 5m by default',
    'conditionTimeoutMs',
  ],
  [
    '--build-timeout <time>',
    'longest time for one concurrent build, or another long statement without a strong lock; 0, the default, means no limit',
    'buildTimeoutMs',
  ],
  [
    '--max-replica-lag <time>',
    'batches wait while a replica is further behind, 1s by default; 0 means not to look',
    'maxReplicaLagMs',
  ],
] as const

function runCommand(
  context: CommandContext,
  name: 'up' | 'down' | 'redo',
  description: string,
  load: () => Promise<RunCommand>,
  examples: string,
): Command {
  const command = withDirectory(new Command(name).description(description))
    .argument('[count]', 'how many migrations', parseCount)
    .option('--to <name>', 'up to and including this migration')
  for (const [flags, meaning, limit] of limits) {
    command.option(flags, meaning, parseDuration, defaultRunOptions[limit])
  }
  command.option('--max-rows-per-second <rows>', 'batches walk no more rows than that', parseCount)
  if (name === 'up') {
    command.option(
      '--approved-only',
      'run only what `migrate plan --approve` has approved, if neither the files nor the schema have changed since',
    )
  }
  return command
    .option(
      '--after-hours <hours>',
      'wait until these hours of local time, such as 02:00-04:00, and begin nothing after them; then exit code 3',
      parseDailyHours,
    )
    .addHelpText('after', examples)
    .action(async (count: number | undefined, options: RunCommandOptions) => {
      const run = await load()
      const { batchText, eventText } = await import('../report/runText.ts')
      const { watchBuilds } = await import('./buildProgress.ts')
      const { withMigrateSession } = await import('./migrateSession.ts')
      const migrations = await readMigrations(options)
      const target: Target = { ...(count ? { count } : {}), ...(options.to ? { to: options.to } : {}) }
      const { config, terminal } = context
      const { afterHours } = options
      if (afterHours) await (await import('./waitForHours.ts')).waitForHours(context, options, afterHours)
      const result = await refusalAsResult(() =>
        withMigrateSession(config, terminal, (client, url) =>
          watchBuilds(url, terminal, () =>
            run(migrations, target, {
              client,
              openSession: () => connect(url),
              lockTimeoutMs: options.lockTimeout,
              lockBudgetMs: options.lockBudget,
              statementTimeoutMs: options.statementTimeout,
              conditionTimeoutMs: options.conditionTimeout,
              buildTimeoutMs: options.buildTimeout,
              maxReplicaLagMs: options.maxReplicaLag,
              ...(options.maxRowsPerSecond ? { maxRowsPerSecond: options.maxRowsPerSecond } : {}),
              ...(afterHours ? { hours: afterHours } : {}),
              ...(options.approvedOnly ? { approvedOnly: true } : {}),
              signal: terminal.signal,
              onEvent: (event) => {
                if (event.kind === 'batch') terminal.progress(batchText(event))
                const line = eventText(event)
                if (line) peopleLine(terminal, options)(line)
              },
            }),
          ),
        ),
      )
      await reportRun(context, name, options, result)
    })
}

/** A run that was refused before its first migration has a JSON document too, with lists that the message shortens. */
async function refusalAsResult(run: () => Promise<RunResult>): Promise<RunResult> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof HundredfoldError) return { ran: [], failure: error }
    throw error
  }
}

async function reportRun(
  { terminal, finish }: CommandContext,
  name: string,
  options: OutputOptions,
  { ran, failure }: RunResult,
): Promise<void> {
  const failed = failure && {
    message: failure.message,
    next: failure.next,
    exitCode: failure.exitCode,
    ...(failure.details ? { details: failure.details } : {}),
  }
  await writeJson(terminal, options, `migrate ${name}`, { ran, ...(failed ? { failed } : {}) })
  if (failure) throw failure
  if (ran.length === 0) {
    peopleLine(
      terminal,
      options,
    )(name === 'down' ? 'Nothing is applied; nothing to take back.' : 'Nothing is pending.')
  }
  finish(exitCodes.done)
}

function statusCommand(context: CommandContext): Command {
  return withDirectory(new Command('status').description('show the state of every migration; writes nothing'))
    .addHelpText('after', `\nExamples:\n  $ npm run migrate status\n`)
    .action(async (options: DirectoryOptions) => {
      const { hasDrift, status } = await import('../migrate/status.ts')
      const { statusText } = await import('../report/statusText.ts')
      const { withMigrateSession } = await import('./migrateSession.ts')
      const migrations = await readMigrations(options)
      const { config, terminal, finish } = context
      const statuses = await withMigrateSession(config, terminal, (client) => status(migrations, client))
      await writeJson(terminal, options, 'migrate status', { migrations: statuses })
      if (options.json !== '-') terminal.out(statusText(statuses))
      finish(hasDrift(statuses) ? exitCodes.drift : exitCodes.done)
    })
}

function planCommand(context: CommandContext): Command {
  return withDirectory(
    new Command('plan').description(
      'show a reviewer everything that the pending migrations will do; writes nothing but approvals',
    ),
  )
    .argument('[count]', 'how many migrations', parseCount)
    .option('--to <name>', 'up to and including this migration')
    .addOption(new Option('--format <format>', 'how to print it').choices(['md']).default('md'))
    .option('--approve', 'approve these files for the schema as it is now; asks first')
    .option('--yes', 'with --approve: do not ask')
    .addHelpText(
      'after',
      `
Examples:
  $ npm run -s migrate plan                 Markdown, for the pull request
  $ npm run -s migrate plan -- --json -     the same for a script
  $ npm run migrate plan -- --approve       read it, then let \`migrate up --approved-only\` run it

The statements are run in a shadow of the database on this machine, to read the locks that they take and to
prove that down takes back what up does.
`,
    )
    .action(async (count: number | undefined, options: PlanOptions) => {
      const { readState } = await import('../migrate/approvals.ts')
      const { plan } = await import('../migrate/plan.ts')
      const { planMarkdown } = await import('../report/planMarkdown.ts')
      const { withReadingSession } = await import('./migrateSession.ts')
      const migrations = await readMigrations(options)
      const target: Target = { ...(count ? { count } : {}), ...(options.to ? { to: options.to } : {}) }
      const { config, terminal, finish } = context
      const { state, result } = await withReadingSession(config, async (client) => ({
        // Before the plan: what changes while it is made is then noticed by `up`.
        state: options.approve ? await readState(client) : '',
        result: await plan(migrations, target, client, progressOf(terminal)),
      }))
      terminal.progress('')
      if (options.json !== '-') terminal.out(planMarkdown(result))
      const approved = options.approve
        ? await (
            await import('./migrateApprove.ts')
          ).approvePlan(context, options, {
            ...{ migrations, plan: result, state },
          })
        : undefined
      await writeJson(terminal, options, 'migrate plan', { ...result, ...(approved ? { approved } : {}) })
      finish(result.drift.length > 0 ? exitCodes.drift : exitCodes.done)
    })
}

function proveCommand(context: CommandContext): Command {
  return withDirectory(
    new Command('prove').description(
      'run every migration up, down and up in a shadow of the database and compare; exit 2 if one is not reversible',
    ),
  )
    .addHelpText('after', `\nExamples:\n  $ npm run migrate prove\n`)
    .action(async (options: DirectoryOptions) => {
      const { prove } = await import('../migrate/prove.ts')
      const { proofText } = await import('../report/proofText.ts')
      const { withReadingSession } = await import('./migrateSession.ts')
      const migrations = await readMigrations(options)
      const { config, terminal, finish } = context
      const proofs = await withReadingSession(config, (client) =>
        prove(migrations, client, progressOf(terminal)),
      )
      terminal.progress('')
      await writeJson(terminal, options, 'migrate prove', proofs)
      if (options.json !== '-') terminal.out(proofText(proofs))
      const good = proofs.migrations.every(({ reversible }) => reversible)
      finish(good ? exitCodes.done : exitCodes.conditionFailed)
    })
}

function progressOf(terminal: Terminal) {
  return {
    signal: terminal.signal,
    onProgress: (name: string) => terminal.progress(`in the shadow: ${name}`),
  }
}

function verifyCommand(context: CommandContext): Command {
  return withDirectory(
    new Command('verify').description(
      'check again, read-only, that the conditions of applied migrations still hold; exit 2 if not',
    ),
  )
    .option(
      '--gain',
      'compare what statements cost before and after each migration; exit 4 if one got slower',
    )
    .option('--before <file>', 'check only what this file wants before its migration runs, by any tool')
    .option('--after <file>', 'check only what this file wants after it')
    .option('--take-back', 'with --gain: take back what made a statement slower, or was never used')
    .option('--yes', 'take back without asking')
    .addHelpText(
      'after',
      `
Examples:
  $ npm run migrate verify
  $ npm run migrate verify -- --gain                    faster, slower, unused: statement by statement
  $ npm run migrate verify -- --gain --json gain.json
  $ npm run migrate verify -- --gain --take-back        asks first
  $ npm run migrate verify -- --gain --take-back --yes  for a schedule

--gain needs pg_stat_statements, and statements that were called at least 30 times before and since. A role sees the
statements of others only with pg_read_all_stats. What was taken back is not applied again by \`migrate up\`.
`,
    )
    .action(async (options: DirectoryOptions & GainOptions & VerifyFileOptions) => {
      if (options.before !== undefined || options.after !== undefined) {
        return (await import('./verify.ts')).verifyFile(context, options)
      }
      if (options.gain || options.takeBack) {
        const { reportGain } = await import('./migrateGain.ts')
        await reportGain(context, options, await readMigrations(options))
        return
      }
      const { verify } = await import('../migrate/verify.ts')
      const { conditionLines } = await import('../report/runText.ts')
      const { withMigrateSession } = await import('./migrateSession.ts')
      const migrations = await readMigrations(options)
      const { config, terminal, finish } = context
      const verified = await withMigrateSession(config, terminal, (client) =>
        verify(migrations, { client, statementTimeoutMs: defaultRunOptions.statementTimeoutMs }),
      )
      await writeJson(terminal, options, 'migrate verify', { migrations: verified })
      const print = peopleLine(terminal, options)
      for (const { name, conditions } of verified) {
        print(name)
        for (const line of conditionLines(conditions)) print(line)
      }
      const allHold = verified.every(({ conditions }) => conditions.every((condition) => condition.holds))
      finish(allHold ? exitCodes.done : exitCodes.conditionFailed)
    })
}

function newCommand({ terminal, finish }: CommandContext): Command {
  return withDirectory(new Command('new').description('write a migration file with every part in place'))
    .argument('<name>', 'a verb and an object, such as create-bookings-index')
    .addHelpText('after', `\nExamples:\n  $ npm run migrate new create-bookings-index\n`)
    .action(async (name: string, options: DirectoryOptions) => {
      const { writeNewMigration } = await import('../migrate/newMigration.ts')
      const file = await writeNewMigration(options.dir, name)
      await writeJson(terminal, options, 'migrate new', { file })
      if (options.json !== '-') terminal.out(`${file}\n`)
      finish(exitCodes.done)
    })
}
