import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Whether pg_cron is installed in this database, and the session's role may schedule jobs. */
export async function maySchedule(db: Database): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM pg_catalog.pg_extension
    WHERE extname = 'pg_cron' AND EXISTS (
      SELECT FROM pg_catalog.pg_namespace namespace
      WHERE namespace.nspname = 'cron' AND pg_catalog.has_schema_privilege(namespace.oid, 'USAGE'))`.execute(
    db,
  )
  return rows.length > 0
}

/** A job of pg_cron that runs in this database. */
export interface CronJob {
  name: string | null
  schedule: string
  command: string
  isActive: boolean
}

/** The last run of a command in this database by this role, as pg_cron keeps it. */
export interface CronRun {
  /** `starting`, `running`, `sending`, `connecting`, `succeeded` or `failed`. */
  status: string
  /** What the server answered. */
  message: string
  startedAt: Date | null
  endedAt: Date | null
}

/** The jobs of this database that the role sees: its own, unless it is a superuser. None without pg_cron. */
export async function listCronJobs(db: Database): Promise<CronJob[]> {
  if (!(await maySchedule(db))) return []
  const { rows } = await sql<CronJob>`
    SELECT jobname::text AS name, schedule, command, active AS "isActive"
    FROM cron.job WHERE database = pg_catalog.current_database() ORDER BY jobid`.execute(db)
  return rows
}

/** The newest run of exactly this command; undefined where it has never begun. */
export async function findLastCronRun(db: Database, command: string): Promise<CronRun | undefined> {
  const { rows } = await sql<CronRun>`
    SELECT status, coalesce(return_message, '') AS message, start_time AS "startedAt", end_time AS "endedAt"
    FROM cron.job_run_details
    WHERE command = ${command} AND database = pg_catalog.current_database()
    ORDER BY runid DESC LIMIT 1`.execute(db)
  return rows[0]
}

/** What keeps jobs of pg_cron from being scheduled here. */
export interface CronObstacle {
  reason:
    | 'notOffered'
    /** The server has its files, but its library was not loaded at the start. */
    | 'notLoaded'
    | 'notInstalled'
    /** It lives in one database of a server, and that is another one. */
    | 'elsewhere'
    | 'noPrivilege'
  /** The database that it lives in, where this role may know. */
  database?: string
}

/** Why pg_cron cannot be used in this database; undefined where it can. */
export async function findCronObstacle(db: Database): Promise<CronObstacle | undefined> {
  if (await maySchedule(db)) return undefined
  const { rows } = await sql<{
    isInstalled: boolean
    isOffered: boolean
    seesSettings: boolean
    home: string | null
    isElsewhere: boolean
  }>`
    SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_cron') AS "isInstalled",
      EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_cron') AS "isOffered",
      pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE') AS "seesSettings",
      home.setting AS home, coalesce(home.setting <> pg_catalog.current_database(), false) AS "isElsewhere"
    FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_settings home ON home.name = 'cron.database_name'`.execute(db)
  const [found] = rows
  if (found?.isInstalled) return { reason: 'noPrivilege' }
  if (found?.home && found.isElsewhere) return { reason: 'elsewhere', database: found.home }
  if (!found?.isOffered) return { reason: 'notOffered' }
  return { reason: found.seesSettings && found.home === null ? 'notLoaded' : 'notInstalled' }
}

/** SQL for the time zone that pg_cron reads schedules in; where this role may not see it, what it is by default. */
export const cronTimeZone = `coalesce((SELECT setting FROM pg_catalog.pg_settings WHERE name = 'cron.timezone'), 'GMT')`
