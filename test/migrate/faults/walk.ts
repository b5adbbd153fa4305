import type { Client } from 'pg'
import { expect } from 'vitest'
import { connect } from '../../../src/db/connect.ts'
import { readFingerprint } from '../../../src/facts/fingerprint.ts'
import { checkConditions } from '../../../src/migrate/checkConditions.ts'
import { down } from '../../../src/migrate/down.ts'
import { loadWithoutProofs } from './withoutProofs.ts'
import type { Migration } from '../../../src/migrate/migration.ts'
import { redo } from '../../../src/migrate/redo.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import { inReadOnlyTransaction } from '../../../src/migrate/script.ts'
import { up } from '../../../src/migrate/up.ts'
import { verify } from '../../../src/migrate/verify.ts'
import type { HeldRequest, WireProxy } from '../../support/wireProxy.ts'
import { startWireProxy } from '../../support/wireProxy.ts'
import type { Job } from './runners.ts'

/** One database that is walked through: each migration is hit at every boundary, up and down. */
export interface Walk {
  directory: string
  /** As the role that runs the migrations. */
  ownerUrl: string
  superuserUrl: string
  /** Does the harm while the request is held; afterwards the run must be over. */
  strike: (request: HeldRequest) => Promise<void>
  /** Runs a job somewhere; where absent, in this process. */
  run?: (job: Omit<Job, 'id'>) => Promise<unknown>
  /**
   * Hits the looks too (conditions, the ledger read, the run lock ...), and those before the first migration
   * starts. A look changes nothing on the server, so several in a row are one boundary otherwise.
   */
  everyRequest?: boolean
  /** Walks through `redo` as well, between `up` and `down`. */
  redo?: boolean
  /** Which migrations: from this position to before that one. */
  from: number
  to: number
  /** Which boundaries: every so many, from this one on, so that several walkers share the rest. */
  firstBoundary: number
  everySoMany: number
}

type Command = Job['command']

/**
 * Takes migration after migration through: run until the n-th boundary, strike, run again, look whether all
 * is well; the same for `down`; then the next boundary, until nothing is left to hit.
 *
 * @returns how many times it was struck
 */
export async function walk(plan: Walk): Promise<number> {
  const { from, to, firstBoundary, everySoMany } = plan
  const proxy = await startWireProxy(plan.ownerUrl)
  try {
    const migrations = await loadWithoutProofs(plan.directory)
    const stage: Stage = { plan, proxy, migrations, sessions: new Map() }
    if (from > 0) await converge(stage, 'up', from - 1)
    let strikes = 0
    for (let index = from; index < to; index += 1) {
      const before = await fingerprint(stage)
      for (let boundary = firstBoundary; ; boundary += everySoMany) {
        const hitUp = await runUntil(stage, 'up', index, boundary)
        await converge(stage, 'up', index)
        await expectApplied(stage, index)
        const hitRedo = plan.redo ? await runUntil(stage, 'redo', index, boundary) : false
        if (hitRedo) await converge(stage, 'up', index)
        await expectApplied(stage, index)
        const hitDown = await runUntil(stage, 'down', index, boundary)
        await converge(stage, 'down', index)
        await expectTakenBack(stage, index)
        const hits = [hitUp, hitRedo, hitDown].filter(Boolean).length
        strikes += hits
        if (hits === 0) break
      }
      expect(await fingerprint(stage), migrations[index]?.name).toBe(before)
      await converge(stage, 'up', index)
    }
    await expectVerified(stage)
    await Promise.all([...stage.sessions.values()].map((client) => client.end()))
    return strikes
  } finally {
    await proxy.close()
  }
}

interface Stage {
  plan: Walk
  proxy: WireProxy
  migrations: Migration[]
  /** Undisturbed sessions by their URL, kept while they last. */
  sessions: Map<string, Client>
}

/** Runs the command through the proxy and strikes at the boundary; false where it ended before that. */
async function runUntil(
  { plan, proxy, migrations }: Stage,
  command: Command,
  index: number,
  boundary: number,
): Promise<boolean> {
  let striking: Promise<void> | undefined
  let passed = 0
  let begun = plan.everyRequest ?? false
  const isNext = () => (passed += 1) === boundary
  proxy.onRequest = async (request) => {
    begun ||= /hundredfold\.transaction|'(applying|reverting)'/.test(request.sql)
    if (striking || !begun || (!plan.everyRequest && isLook(request.sql))) return
    if (isNext()) {
      await (striking = plan.strike(request))
    } else if (/\bCONCURRENTLY\b/.test(request.sql) && isNext()) {
      await (striking = whileHeldUp(plan, request, () => plan.strike(request)))
    }
  }
  const target = { to: migrations[index]?.name ?? '' }
  const job = {
    url: proxy.url(plan.ownerUrl),
    directory: plan.directory,
    command,
    target: command === 'up' ? target : { count: 1 },
  }
  await (plan.run ?? ((here) => runHere(here, migrations)))(job)
  proxy.onRequest = () => undefined
  // The run learns of a crash before the server is there again.
  await striking
  return striking !== undefined
}

/** What leaves the server as it was; a migration's own statement is never one, nor is a lock. */
function isLook(sql: string): boolean {
  return /^\s*(SELECT\b(?!.*advisory)|WITH\b|SAVEPOINT\b|ROLLBACK TO\b|EXPLAIN\b|SET LOCAL\b|BEGIN TRANSACTION READ ONLY)/is.test(
    sql,
  )
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

/** Strikes while the server is in the middle of a concurrent build or drop, which an old transaction holds up. */
async function whileHeldUp(plan: Walk, request: HeldRequest, strike: () => Promise<void>): Promise<void> {
  const blocker = await connect(plan.superuserUrl, { applicationName: 'blocker' })
  try {
    await blocker.query(
      `BEGIN; DO $$ DECLARE held regclass; BEGIN
         FOR held IN SELECT oid FROM pg_class WHERE relkind IN ('r', 'm') AND oid >= 16384
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
    await blocker.end().catch(() => undefined)
  }
}

/** A run that nobody disturbs ends well, whatever came before it. */
async function converge(stage: Stage, command: 'up' | 'down', index: number): Promise<void> {
  const { plan, migrations } = stage
  const name = migrations[index]?.name ?? ''
  const client = await session(stage, plan.ownerUrl)
  const run = command === 'up' ? up : down
  const { failure } = await run(migrations, { to: name }, { ...defaultRunOptions, client })
  expect(failure, `${command} after a fault: ${name}`).toBeUndefined()
}

async function expectApplied(stage: Stage, index: number): Promise<void> {
  await expectState(stage, index + 1, stage.migrations[index], 'after')
}

async function expectTakenBack(stage: Stage, index: number): Promise<void> {
  await expectState(stage, index, stage.migrations[index], 'before')
}

/** So many ledger rows, all of them applied; no invalid index; the conditions of the migration hold. */
async function expectState(
  stage: Stage,
  applied: number,
  migration: Migration | undefined,
  phase: 'before' | 'after',
): Promise<void> {
  const client = await session(stage, stage.plan.ownerUrl)
  const { rows } = await client.query<{ ledger: string[]; invalid: string[] }>(
    `SELECT ARRAY(SELECT name || ' ' || state FROM hundredfold.migrations ORDER BY position) AS ledger,
            ARRAY(SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid) AS invalid`,
  )
  const ledger = stage.migrations.slice(0, applied).map(({ name }) => `${name} applied`)
  expect(rows).toEqual([{ ledger, invalid: [] }])
  const conditions = migration?.optimization?.[phase] ?? []
  const checked = await inReadOnlyTransaction({ client, statementTimeoutMs: 60_000 }, () =>
    checkConditions(client, conditions, phase),
  )
  expect(checked.filter(({ holds }) => !holds)).toEqual([])
}

async function expectVerified(stage: Stage): Promise<void> {
  const client = await session(stage, stage.plan.ownerUrl)
  const verified = await verify(stage.migrations, { client, statementTimeoutMs: 60_000 })
  const failed = verified.flatMap(({ conditions }) => conditions.filter(({ holds }) => !holds))
  expect(failed).toEqual([])
}

async function fingerprint(stage: Stage): Promise<string> {
  return (await readFingerprint(await session(stage, stage.plan.superuserUrl))).text
}

/** A session that no fault is meant for; a crash of the server ends it, and then another one is opened. */
async function session({ sessions }: Stage, url: string): Promise<Client> {
  const known = sessions.get(url)
  if (known) return known
  const client = await connect(url, { applicationName: 'test' })
  client.once('end', () => sessions.delete(url))
  sessions.set(url, client)
  return client
}
