import { sql } from '../postgres/sql.ts'
import { findLastCronRun, listCronJobs, maySchedule } from '../catalog/cron.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** A job of pg_cron, by its name, and what it runs. */
export interface NamedJob {
  name: string
  command: string
}

/** Holds when pg_cron is installed in this database and the role may schedule jobs. */
export function cronIsUsable(): Condition {
  return {
    description: 'this role may schedule jobs of pg_cron',
    check: async (db) =>
      (await maySchedule(db)) ? holds : fails('pg_cron and USAGE on its schema', 'one of them is missing'),
  }
}

/** Holds when pg_cron has an active job of this name with this schedule and command. */
export function cronJobIs({ name, schedule, command }: NamedJob & { schedule: string }): Condition {
  const wanted = `${command} at ${schedule}`
  return {
    description: `job "${name}" of pg_cron runs ${wanted}`,
    async check(db) {
      const found = (await listCronJobs(db)).find((job) => job.name === name)
      if (!found) return fails(wanted, 'no such job')
      if (!found.isActive) return fails(wanted, 'a job that is switched off')
      const isSame = found.schedule === schedule && found.command === command
      return isSame ? holds : fails(wanted, `${found.command} at ${found.schedule}`)
    },
  }
}

/** Holds when pg_cron has no job of this name for this database. */
export function cronJobIsAbsent(name: string): Condition {
  return {
    description: `pg_cron has no job "${name}"`,
    async check(db) {
      const found = (await listCronJobs(db)).find((job) => job.name === name)
      return found ? fails('no such job', `${found.command} at ${found.schedule}`) : holds
    },
  }
}

/** pg_cron begins a job within its minute. A scheduled first run lies at most two minutes ahead, and a few share a minute. */
const beginsWithinMs = 240_000

/**
 * Holds when pg_cron really ran the command, and its last run succeeded. It waits for a run that is scheduled and has not
 * begun, or that has not ended.
 */
export function cronJobRan({ name, command }: NamedJob): Condition {
  const wanted = 'a run that succeeded'
  return {
    description: `job "${name}" of pg_cron has run`,
    dependsOnData: true,
    async check(db) {
      const jobs = await listCronJobs(db)
      if (!jobs.some((job) => job.command === command)) return fails(wanted, 'no such job')
      const until = Date.now() + beginsWithinMs
      for (;;) {
        const run = await findLastCronRun(db, command)
        if (run?.status === 'succeeded') return holds
        if (run?.status === 'failed') return fails(wanted, `a run that failed: ${run.message.trim()}`)
        if (!run && Date.now() >= until) {
          return fails(
            wanted,
            'no run: look whether the worker of pg_cron is alive, and whether cron.timezone is GMT',
          )
        }
        await sql`SELECT pg_catalog.pg_sleep(1)`.execute(db)
      }
    },
  }
}
