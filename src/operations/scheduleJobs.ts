import { escapeLiteral } from 'pg'
import { cronTimeZone } from '../catalog/cron.ts'
import { cronIsUsable, cronJobIs, cronJobIsAbsent, cronJobRan } from '../conditions/cronJobs.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/** What pg_cron is to run, and when. */
export interface JobToSchedule {
  name: string
  /** As cron has it, such as `17 2 * * *`. */
  schedule: string
  /** One statement that no other job has, since it tells the job's runs from those of others. */
  command: string
}

/** So many first runs begin in one minute, since each takes a session or a worker. */
const firstRunsAtOnce = 4

/**
 * Two migrations: the first schedules the jobs, each with a first run within two minutes; the second waits until these have
 * succeeded, and removes them. pg_cron sees a job only once it is committed, so one migration cannot do both.
 *
 * ```sql
 * SELECT cron.schedule('hundredfold vacuum', '47 3 1 * *', 'VACUUM (ANALYZE, SKIP_LOCKED) -- hundredfold');
 * SELECT cron.schedule('hundredfold monthly-maintenance, first run 1', '31 9 24 11 *', 'VACUUM (ANALYZE, SKIP_LOCKED) -- hundredfold');
 * -- down: with what pg_cron remembers of their runs
 * SELECT cron.unschedule('hundredfold vacuum')
 * ```
 */
export function scheduleJobs(title: string, jobs: readonly JobToSchedule[], reason: Reason): Operation[] {
  const names = jobs.map(({ name }) => name)
  const firstNames = jobs.map((_, at) => `hundredfold ${title}, first run ${at + 1}`)
  const firstRuns = jobs.map(({ command }, at) => schedule(firstNames[at] ?? '', firstMoment(at), command))
  const series = operationTitle('schedule', title)
  const scheduled: Operation = {
    ...work('scheduleJobs', jobs),
    on: [],
    title: series,
    ...reason,
    series,
    up: [
      ...jobs.map(({ name, schedule: when, command }) => schedule(name, literal(when), command)),
      ...firstRuns,
    ],
    down: [
      // The second migration may have removed the first runs, or not have run.
      unschedule([...names, ...firstNames]),
      ...jobs.map(
        ({ command }) =>
          `DELETE FROM cron.job_run_details WHERE command = ${literal(command)} AND database = pg_catalog.current_database()`,
      ),
    ],
    before: [condition(cronIsUsable), ...names.map((name) => condition(cronJobIsAbsent, name))],
    after: jobs.map((job) => condition(cronJobIs, { ...job })),
  }
  const ran: Operation = {
    ...work('scheduleJobs', 'ran', jobs),
    on: [],
    title: operationTitle('await', 'first', 'run', 'of', title),
    rule: reason.rule,
    why: `A job that is scheduled may still fail: pg_cron cannot log in, or the role may not run it. This migration waits until each job of the one before has run and succeeded, and removes the first runs.`,
    series,
    up: [unschedule(firstNames)],
    // They were to run once, so they are not made again.
    down: [],
    before: jobs.map(({ name, command }) => condition(cronJobRan, { name, command })),
    after: [
      ...firstNames.map((name) => condition(cronJobIsAbsent, name)),
      ...jobs.map((job) => condition(cronJobIs, { ...job })),
    ],
  }
  return [scheduled, ran]
}

function unschedule(names: readonly string[]): string {
  return `SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname IN (${names.map(literal).join(', ')}) AND database = pg_catalog.current_database()`
}

function schedule(name: string, when: string, command: string): string {
  return `SELECT cron.schedule(${literal(name)}, ${when}, ${literal(command)})`
}

/** SQL for the schedule of a moment between 15 and 75 seconds from now; pg_cron reads schedules in its own time zone. */
function firstMoment(at: number): string {
  const seconds = 75 + 60 * Math.floor(at / firstRunsAtOnce)
  return (
    `pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE ${cronTimeZone} + interval '${seconds} seconds', ` +
    `'FMMI FMHH24 FMDD FMMM *')`
  )
}

function literal(text: string): string {
  return escapeLiteral(text).trim()
}
