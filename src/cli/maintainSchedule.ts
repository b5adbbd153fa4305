import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { execPath } from 'node:process'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import type { CronObstacle } from '../catalog/cron.ts'
import { findCronObstacle } from '../catalog/cron.ts'
import { UsageError, exitCodes } from '../errors.ts'
import { cronOperations, findCronJobs, findJobsElsewhere } from '../operate/maintain/cronPlan.ts'
import type { Period } from '../operate/maintain/period.ts'
import type { ScheduleFile } from '../operate/maintain/scheduleFiles.ts'
import { crontabLine, githubFile, systemdFiles } from '../operate/maintain/scheduleFiles.ts'
import { writeMigrations } from '../optimize/writeMigrations.ts'
import { borrow } from '../postgres/database.ts'
import { writeWholeFile } from '../wholeFile.ts'
import { confirmed } from './confirmed.ts'
import { readProjectSettings } from '../project/settings.ts'
import type { CommandContext } from './context.ts'
import { lookTitle } from './maintainLook.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

/** What can call maintenance regularly. */
export type Scheduler = 'pg_cron' | 'systemd' | 'crontab' | 'github'

export const schedulers: readonly Scheduler[] = ['pg_cron', 'systemd', 'crontab', 'github']

interface ScheduleOptions extends OutputOptions {
  schedule: Scheduler
  out: string
  into?: string
  plan?: boolean
  yes?: boolean
}

/**
 * Writes what makes a scheduler do the work of a period: migrations for pg_cron, files or a line for the others.
 *
 * @param client a session, for pg_cron alone
 */
export async function scheduleMaintenance(
  context: CommandContext,
  client: Client | undefined,
  period: Period,
  options: ScheduleOptions,
): Promise<void> {
  if (client) await scheduleByCron(context, client, period, options)
  else await scheduleOutside(context, period, options)
  context.finish(exitCodes.done)
}

async function scheduleByCron(
  { terminal }: CommandContext,
  client: Client,
  period: Period,
  options: ScheduleOptions,
): Promise<void> {
  const print = peopleLine(terminal, options)
  const obstacle = await findCronObstacle(borrow(client))
  if (obstacle?.reason === 'elsewhere')
    for (const each of await findJobsElsewhere(client, period)) print(each)
  if (obstacle) throw refusal(obstacle)
  const jobs = await findCronJobs(client, period)
  for (const { name, schedule, command } of jobs) print(`${schedule}  ${name}\n  ${command}`)
  if (jobs.length === 0) print('There is nothing that pg_cron could do and does not do already.')
  print(
    `pg_cron runs SQL alone. The look at ${lookTitle(period)} takes \`--schedule crontab\`, systemd or github; it leaves to pg_cron what pg_cron does.`,
  )
  const { into = readProjectSettings().migrations } = options
  const operations = jobs.length === 0 ? [] : cronOperations(period, jobs)
  const mayWrite =
    operations.length > 0 &&
    !options.plan &&
    (await confirmed(terminal, options, `Write ${operations.length} migrations into ${into}?`))
  const written = mayWrite
    ? await writeMigrations(
        into,
        operations.map((operation) => ({ operation, operations: [operation] })),
      )
    : new Map<unknown, string>()
  for (const file of written.values()) print(`written  ${file}`)
  if (written.size > 0)
    print('Next: review them, then `npm run migrate plan`. The second one waits for the first runs.')
  await writeJson(terminal, options, 'maintain', {
    ...{ schedule: period, with: options.schedule, jobs },
    written: [...written.values()].map((file) => ({ file })),
  })
}

function refusal({ reason, database }: CronObstacle): UsageError {
  const others = '`--schedule crontab`, systemd or github need nothing on the server.'
  switch (reason) {
    case 'elsewhere':
      return new UsageError(
        `pg_cron lives in one database of a server, here in ${database ?? 'another one'}, so nobody can schedule jobs from this one.`,
        `Let a superuser run the printed statements there, if there are any; ${others}`,
      )
    case 'noPrivilege':
      return new UsageError(
        'pg_cron is installed here, but this role may not use it.',
        `Let a superuser GRANT USAGE ON SCHEMA cron to it; ${others}`,
      )
    case 'notInstalled':
      return new UsageError(
        'pg_cron is not installed in this database; it lives in one database of a server.',
        `CREATE EXTENSION pg_cron works in the database that cron.database_name names; ${others}`,
      )
    case 'notLoaded':
      return new UsageError(
        'The server offers pg_cron, but has not loaded its library.',
        `Add it to shared_preload_libraries, restart the server, then CREATE EXTENSION pg_cron; ${others}`,
      )
    case 'notOffered':
      return new UsageError('The server does not offer pg_cron.', others)
  }
}

async function scheduleOutside(
  { terminal }: CommandContext,
  period: Period,
  options: ScheduleOptions,
): Promise<void> {
  const print = peopleLine(terminal, options)
  const files = filesOf(period, options)
  const { into } = options
  const isWritten = into !== undefined && !options.plan
  if (!isWritten && options.json !== '-') {
    for (const { name, text } of files) terminal.out(files.length === 1 ? text : `# ${name}\n${text}\n`)
  }
  const mayWrite =
    isWritten &&
    (await confirmed(terminal, options, `Write ${files.map(({ name }) => name).join(' and ')} into ${into}?`))
  if (mayWrite) {
    await mkdir(into, { recursive: true })
    for (const { name, text } of files) {
      await writeWholeFile(join(into, name), text, { exclusive: true, placedBy: '--into' })
      print(`written  ${join(into, name)}`)
    }
    print(nextStep[options.schedule](period))
  }
  await writeJson(terminal, options, 'maintain', {
    ...{ schedule: period, with: options.schedule, files },
    written: mayWrite ? files.map(({ name }) => ({ file: join(into, name) })) : [],
  })
}

const nextStep: Record<Scheduler, (period: Period) => string> = {
  pg_cron: () => '',
  systemd: (period) =>
    `Next: copy both to /etc/systemd/system, then systemctl enable --now hundredfold-${period}.timer`,
  crontab: () => 'Next: add the line with crontab -e.',
  github: () => 'Next: commit it below .github/workflows, and set the secret DIRECT_URL.',
}

function filesOf(period: Period, { schedule, out }: ScheduleOptions): ScheduleFile[] {
  if (schedule === 'github') return [githubFile({ period, out })]
  const call = { period, out, directory: resolve(), program: ownProgram() }
  if (schedule === 'systemd') return systemdFiles(call)
  return [{ name: `hundredfold-${period}.crontab`, text: crontabLine(call) }]
}

/** Node and the program by their paths: a scheduler has another PATH than a shell. */
function ownProgram(): string[] {
  const program = fileURLToPath(new URL('../../scripts/hundredfold.mjs', import.meta.url))
  if (dirname(program).includes('/_npx/')) {
    throw new UsageError(
      'This program was fetched for one call, so a scheduler would not find it again.',
      'Install it in the project first: npm install --save-dev hundredfold',
    )
  }
  return [execPath, program]
}
