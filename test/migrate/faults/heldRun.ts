import type { Client } from 'pg'
import { connect } from '../../../src/postgres/connect.ts'
import { down } from '../../../src/migrate/down.ts'
import type { Migration } from '../../../src/migrate/migration.ts'
import { redo } from '../../../src/migrate/redo.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import type { Target } from '../../../src/migrate/target.ts'
import { up } from '../../../src/migrate/up.ts'
import type { HeldRequest, WireProxy } from '../../support/wireProxy.ts'
import type { Command, Job } from './runners.ts'

/** A run that stands still at one of its boundaries. */
export interface HeldRun {
  database: string
  request: HeldRequest
  /** The server is at work on the request; otherwise it has not seen it. */
  isMidway: boolean
  /** Lets go of the request; resolves when the run has ended. */
  release(): Promise<void>
}

/** One run, through a proxy, of the command on the migration at `position`. */
export interface RunPlan {
  /** What the proxy stands before. */
  database: string
  ownerUrl: string
  migrations: Migration[]
  position: number
  command: Command
  proxy: WireProxy
  /** Of a superuser, in the same database. */
  blocker: () => Promise<Client>
  /** Runs a job somewhere; where absent, in this process. */
  run?: (job: Omit<Job, 'id'>) => Promise<unknown>
  /**
   * Counts the looks too (conditions, the ledger read, the run lock ...), and those before the first migration
   * starts. A look changes nothing on the server, so several in a row are one boundary otherwise.
   */
  everyRequest?: boolean
  /** What comes before the first boundary; by default it is in the first migration. */
  begin?: RegExp
  /** Where the command stops, if not after the migration at `position`. */
  target?: Target
}

const firstMigration = /hundredfold\.transaction|'(applying|reverting)'/

/**
 * Runs until the boundary and stands still there.
 *
 * @returns how many boundaries the run had, where it ended before
 */
export function runUntil(plan: RunPlan, boundary: number): Promise<HeldRun | number> {
  const { proxy, command, database } = plan
  return new Promise((resolve, reject) => {
    let begun = plan.everyRequest ?? false
    let isOver = false
    let passed = 0
    let ended: Promise<void> = Promise.resolve()
    const isNext = () => (passed += 1) === boundary
    const hold = (request: HeldRequest, isMidway: boolean) =>
      new Promise<void>((letGo) => {
        isOver = true
        const release = () => (letGo(), ended)
        resolve({ database, request, isMidway, release })
      })
    proxy.onRequest = async (request) => {
      begun ||= (plan.begin ?? firstMigration).test(request.sql)
      if (isOver || !begun || (!plan.everyRequest && isLook(request.sql))) return
      // `redo` calls `down` and then `up`, which is walked by itself.
      isOver = command === 'redo' && !walksEverything && /\bpg_advisory_unlock\b/.test(request.sql)
      if (isNext()) await hold(request, false)
      // What is dropped IF EXISTS may not be there, and then nobody is waited for.
      else if (/\bCONCURRENTLY\b(?! IF EXISTS)/.test(request.sql) && isNext())
        await whileHeldUp(await plan.blocker(), request, () => hold(request, true))
    }
    ended = runThrough(plan)
    ended.then(() => resolve(passed), reject)
  })
}

/** `FAULTS=all`. */
export const walksEverything = process.env.FAULTS === 'all'

/** What leaves the server as it was; a migration's own statement is never one, nor is a lock. */
function isLook(sql: string): boolean {
  return /^\s*(SELECT\b(?!.*advisory)|WITH\b|SAVEPOINT\b|ROLLBACK TO\b|RELEASE\b|EXPLAIN\b|SET LOCAL\b|BEGIN TRANSACTION READ ONLY)/is.test(
    sql,
  )
}

async function runThrough(plan: RunPlan): Promise<void> {
  const { proxy, ownerUrl, migrations, position, command } = plan
  const oneOnly = command === 'up' ? { to: migrations[position]?.name ?? '' } : { count: 1 }
  const target = plan.target ?? oneOnly
  const run = plan.run ?? ((job) => runHere(job, migrations))
  await run({ url: proxy.url(ownerUrl), command, target })
}

async function runHere({ url, command, target }: Omit<Job, 'id'>, migrations: Migration[]): Promise<void> {
  // The session may be gone before the first request: then there is nobody to tell.
  const client = await connect(url).catch(() => undefined)
  if (!client) return
  const commands = { up, down, redo }
  // How it ends is no matter here: what counts is what the next run makes of it.
  await commands[command](migrations, target, { ...defaultRunOptions, client }).catch(() => undefined)
  await client.end().catch(() => undefined)
}

/** Strikes while the server is in the middle of a concurrent build, drop or detach, which an old transaction holds up. */
async function whileHeldUp(
  blocker: Client,
  request: HeldRequest,
  strike: () => Promise<void>,
): Promise<void> {
  try {
    await blocker.query(
      `BEGIN; DO $$ DECLARE held regclass; BEGIN
         FOR held IN SELECT oid FROM pg_class WHERE relkind IN ('r', 'm', 'p') AND oid >= 16384
           AND relnamespace::regnamespace::text NOT IN ('hundredfold', 'pg_toast')
         LOOP EXECUTE format('LOCK TABLE %s IN ROW EXCLUSIVE MODE', held); END LOOP; END $$`,
    )
    request.pass()
    const isWaiting = async () => {
      const { rowCount } = await blocker.query(
        `SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE application_name = 'hundredfold' AND datname = current_database()
           AND locktype = 'virtualxid' AND NOT granted`,
      )
      return rowCount === 1
    }
    while (!(await isWaiting())) await new Promise((resolve) => setTimeout(resolve, 1))
    await strike()
  } finally {
    // A crash has ended this session too.
    await blocker.query('ROLLBACK').catch(() => undefined)
  }
}
