import type { ClientBase } from 'pg'
import { findLastCronRun, listCronJobs } from '../../catalog/cron.ts'
import type { Database } from '../../postgres/database.ts'
import { borrow } from '../../postgres/database.ts'
import { readOnly } from '../../postgres/readOnly.ts'
import { analyzeJobs } from './analyzeJobs.ts'
import type { Job, Work } from './job.ts'
import type { LastRuns } from './maintenanceLedger.ts'
import { partitionJobs } from './partitionJobs.ts'
import type { Period } from './period.ts'
import { dueAfterMs } from './period.ts'
import { vacuumJobs } from './vacuumJobs.ts'

/** What is due, and what is not. */
export interface Jobs {
  due: Job[]
  /** How many more there are that were done already. */
  done: number
  /** How many more pg_cron does. */
  doneByCron: number
  /** What this role may not do, each in a sentence. */
  cannot: string[]
}

/**
 * The work of a schedule, from the catalog and from what was done before. What a job of pg_cron does is left to it, unless
 * its last run failed.
 *
 * - daily: the next partitions, and the end of old ones where a retention is declared
 * - weekly: statistics of partitioned tables as a whole
 * - monthly: VACUUM (ANALYZE) of what has changed and nobody has vacuumed
 */
export async function findJobs(
  client: ClientBase,
  period: Period,
  last: LastRuns,
  now: Date = new Date(),
): Promise<Jobs> {
  return readOnly(client, async () => {
    const db = borrow(client)
    const { jobs, cannot } = await workOf(db, period, now)
    const commands = (await listCronJobs(db)).filter(({ isActive }) => isActive)
    const found: Jobs = { due: [], done: 0, doneByCron: 0, cannot }
    for (const job of jobs) {
      const done = last.of(job.task, job.subject)
      const byCron = commands.find(({ command }) => job.isDoneBy(command))
      const run = byCron && (await findLastCronRun(db, byCron.command))
      if (done !== undefined && now.getTime() - done.getTime() < dueAfterMs[period]) found.done += 1
      else if (!byCron) found.due.push(job)
      else if (run?.status !== 'failed') found.doneByCron += 1
      else found.due.push({ ...job, why: `pg_cron's last run of it failed: ${run.message.trim()}` })
    }
    return found
  })
}

async function workOf(db: Database, period: Period, now: Date): Promise<Work> {
  switch (period) {
    case 'daily':
      return partitionJobs(db)
    case 'weekly':
      return analyzeJobs(db, now)
    case 'monthly':
      return vacuumJobs(db, now)
    case 'quarterly':
      return { jobs: [], cannot: [] }
  }
}
