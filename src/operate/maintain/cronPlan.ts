import type { ClientBase } from 'pg'
import { escapeLiteral } from 'pg'
import { listCronJobs } from '../../catalog/cron.ts'
import { listPartitionedTables } from '../../catalog/partitions.ts'
import type { Database } from '../../postgres/database.ts'
import { borrow } from '../../postgres/database.ts'
import { claimIdentifier, display, qualified } from '../../postgres/identifiers.ts'
import { readOnly } from '../../postgres/readOnly.ts'
import type { Operation } from '../../operations/operation.ts'
import type { JobToSchedule } from '../../operations/scheduleJobs.ts'
import { scheduleJobs } from '../../operations/scheduleJobs.ts'
import { partitionJobs } from './partitionJobs.ts'
import type { Period } from './period.ts'
import { vacuumEverything } from './vacuumJobs.ts'

/** By it our jobs' runs are told from those of others with the same statement. */
const mark = '-- hundredfold'
const keepsRunsFor = '30 days'

const schedules = {
  partitions: '17 2 * * *',
  retention: '47 2 * * *',
  history: '17 4 * * *',
  analyze: '17 3 * * 0',
  vacuum: '47 3 1 * *',
}

/**
 * What of a schedule pg_cron can do, as jobs that it does not have yet. A job is one statement of SQL, so it knows nothing
 * of what is due: VACUUM skips what has not changed by itself.
 */
export async function findCronJobs(client: ClientBase, period: Period): Promise<JobToSchedule[]> {
  return readOnly(client, async () => {
    const db = borrow(client)
    const there = (await listCronJobs(db)).filter(({ isActive }) => isActive)
    const wanted = await jobsOf(db, period)
    const taken = new Set<string>()
    return wanted
      .filter(({ isDoneBy }) => !there.some(({ command }) => isDoneBy(command)))
      .map(({ job }) => ({ ...job, name: claimIdentifier(job.name, '', taken) }))
  })
}

/** The same as statements for a superuser in the database where pg_cron lives, if that is not this one. */
export async function findJobsElsewhere(client: ClientBase, period: Period): Promise<string[]> {
  const jobs = (await findCronJobs(client, period)).filter(
    ({ command }) => command !== historyJob.job.command,
  )
  const { rows } = await client.query<{ database: string; role: string }>(
    'SELECT pg_catalog.current_database() AS database, current_user AS role',
  )
  return jobs.map(({ name, schedule, command }) => {
    const args = [name, schedule, command, rows[0]?.database ?? '', rows[0]?.role ?? '']
    return `SELECT cron.schedule_in_database(${args.map((arg) => escapeLiteral(arg).trim()).join(', ')});`
  })
}

/** The two migrations that schedule them and await their first runs. */
export function cronOperations(period: Period, jobs: readonly JobToSchedule[]): Operation[] {
  return scheduleJobs(`${period}-maintenance`, jobs, {
    rule: period === 'daily' ? 'partition_candidate' : 'stale_statistics',
    why:
      `pg_cron does the ${period} work by itself: ${jobs.map(({ name }) => name.replace(/^hundredfold /, '')).join('; ')}. ` +
      'Each job also runs once within two minutes of this migration, so that the next one can see that it works.',
  })
}

interface Wanted {
  job: JobToSchedule
  isDoneBy: (command: string) => boolean
}

async function jobsOf(db: Database, period: Period): Promise<Wanted[]> {
  switch (period) {
    case 'daily': {
      const { jobs } = await partitionJobs(db)
      return [
        ...jobs.map(({ task, subject, sql, isDoneBy }) => ({
          job: named(subject, task === 'retention' ? schedules.retention : schedules.partitions, sql),
          isDoneBy,
        })),
        historyJob,
      ]
    }
    case 'weekly':
      return (await listPartitionedTables(db))
        .filter(({ isOwned }) => isOwned)
        .map((table) =>
          same(named(`analyze ${display(table)}`, schedules.analyze, `ANALYZE ${qualified(table)}`)),
        )
    case 'monthly':
      return [same(named('vacuum', schedules.vacuum, vacuumEverything))]
    case 'quarterly':
      return []
  }
}

/** pg_cron keeps a row of each run for ever; ours go after a while. */
const historyJob = same(
  named(
    'history',
    schedules.history,
    `DELETE FROM cron.job_run_details WHERE command LIKE '%${mark}' AND end_time < pg_catalog.now() - interval '${keepsRunsFor}'`,
  ),
)

function named(what: string, schedule: string, statement: string): JobToSchedule {
  return { name: `hundredfold ${what}`, schedule, command: `${statement} ${mark}` }
}

function same(job: JobToSchedule): Wanted {
  return { job, isDoneBy: (command) => command === job.command }
}
