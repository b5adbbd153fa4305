import type { Client } from 'pg'
import { expect } from 'vitest'
import { connect } from '../../../src/postgres/connect.ts'
import { readFingerprint } from '../../../src/fingerprint/fingerprint.ts'
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
import type { Boundaries } from './boundaries.ts'
import { committedState } from './committedState.ts'
import type { Job } from './runners.ts'

/** One database that stands before a migration, which is hit there at boundary after boundary, up and down. */
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
  /** Which migration. */
  position: number
  /** Of the database as it stands before the migration. */
  fingerprint: string
  /** Those that are left to hit, which walkers on other copies of the database hit too. */
  boundaries: Boundaries
}

type Command = Job['command']

const walksEverything = process.env.FAULTS === 'all'

/**
 * Runs until a boundary, strikes, runs again, looks whether all is well; then the next boundary, by turns up and
 * down, until nothing is left to hit.
 *
 * A strike that left the database as it was needs no run of its own: the next one, which is struck later or not at
 * all, starts from the very same state.
 *
 * @returns how many times it was struck
 */
export async function walk(plan: Walk): Promise<number> {
  const { position, boundaries } = plan
  const proxy = await startWireProxy(plan.ownerUrl)
  try {
    const migrations = await loadWithoutProofs(plan.directory)
    const stage: Stage = { plan, proxy, migrations, sessions: new Map() }
    let strikes = 0
    let isApplied = false
    let atRest = await state(stage)
    while (isApplied || boundaries.areLeft()) {
      const command = commandFrom(isApplied, boundaries)
      const end = boundaries.areLeft(command)
        ? await runUntil(stage, command, boundaries.take(command))
        : 'not begun'
      if (end === 'struck' || end === 'struck midway') strikes += 1
      if (end === 'struck' && !walksEverything && (await state(stage)) === atRest) continue
      if (end === 'unharmed') boundaries.end(command)
      else await converge(stage, command === 'down' ? 'down' : 'up')
      isApplied = command !== 'down'
      await expectState(stage, isApplied)
      atRest = await state(stage)
    }
    expect(await fingerprint(stage), migrations[position]?.name).toBe(plan.fingerprint)
    await converge(stage, 'up')
    await expectVerified(stage)
    await Promise.all([...stage.sessions.values()].map((client) => client.end()))
    return strikes
  } finally {
    await proxy.close()
  }
}

function commandFrom(isApplied: boolean, boundaries: Boundaries): Command {
  if (!isApplied) return 'up'
  return boundaries.areLeft('redo') ? 'redo' : 'down'
}

interface Stage {
  plan: Walk
  proxy: WireProxy
  migrations: Migration[]
  /** Undisturbed sessions by their URL, kept while they last. */
  sessions: Map<string, Client>
}

/**
 * Runs the command through the proxy and strikes at the boundary.
 *
 * @returns `struck midway` where the server was at work on a request, `unharmed` where the run ended before the boundary
 */
async function runUntil(
  { plan, proxy, migrations }: Stage,
  command: Command,
  boundary: number,
): Promise<'struck' | 'struck midway' | 'unharmed'> {
  let striking: Promise<void> | undefined
  let isMidway = false
  let isOver = false
  let passed = 0
  let begun = plan.everyRequest ?? false
  const isNext = () => (passed += 1) === boundary
  proxy.onRequest = async (request) => {
    begun ||= /hundredfold\.transaction|'(applying|reverting)'/.test(request.sql)
    if (striking || isOver || !begun || (!plan.everyRequest && isLook(request.sql))) return
    // `redo` calls `down` and then `up`, which is walked by itself.
    isOver = command === 'redo' && !walksEverything && /\bpg_advisory_unlock\b/.test(request.sql)
    if (isNext()) {
      await (striking = plan.strike(request))
    } else if (/\bCONCURRENTLY\b/.test(request.sql) && isNext()) {
      isMidway = true
      await (striking = whileHeldUp(plan, request, () => plan.strike(request)))
    }
  }
  await runThrough({ plan, proxy, migrations }, command)
  proxy.onRequest = () => undefined
  // The run learns of a crash before the server is there again.
  await striking
  return striking ? (isMidway ? 'struck midway' : 'struck') : 'unharmed'
}

async function runThrough(
  { plan, proxy, migrations }: Pick<Stage, 'plan' | 'proxy' | 'migrations'>,
  command: Command,
): Promise<void> {
  const job = {
    url: proxy.url(plan.ownerUrl),
    directory: plan.directory,
    command,
    target: command === 'up' ? { to: migrations[plan.position]?.name ?? '' } : { count: 1 },
  }
  await (plan.run ?? ((here) => runHere(here, migrations)))(job)
}

/** What leaves the server as it was; a migration's own statement is never one, nor is a lock. */
function isLook(sql: string): boolean {
  return /^\s*(SELECT\b(?!.*advisory)|WITH\b|SAVEPOINT\b|ROLLBACK TO\b|RELEASE\b|EXPLAIN\b|SET LOCAL\b|BEGIN TRANSACTION READ ONLY)/is.test(
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
async function converge(stage: Stage, command: 'up' | 'down'): Promise<void> {
  const { plan, migrations } = stage
  const name = migrations[plan.position]?.name ?? ''
  const client = await session(stage, plan.ownerUrl)
  const run = command === 'up' ? up : down
  const { failure } = await run(migrations, { to: name }, { ...defaultRunOptions, client })
  expect(failure, `${command} after a fault: ${name}`).toBeUndefined()
}

/** So many ledger rows, all of them applied; no invalid index; the conditions of the migration hold. */
async function expectState(stage: Stage, isApplied: boolean): Promise<void> {
  const { plan, migrations } = stage
  const client = await session(stage, plan.ownerUrl)
  const { rows } = await client.query<{ ledger: string[]; invalid: string[] }>(
    `SELECT ARRAY(SELECT name || ' ' || state FROM hundredfold.migrations ORDER BY position) AS ledger,
            ARRAY(SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid) AS invalid`,
  )
  const applied = migrations.slice(0, plan.position + (isApplied ? 1 : 0))
  expect(rows).toEqual([{ ledger: applied.map(({ name }) => `${name} applied`), invalid: [] }])
  const phase = isApplied ? 'after' : 'before'
  const conditions = migrations[plan.position]?.optimization?.[phase] ?? []
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

async function state(stage: Stage): Promise<string> {
  return committedState(await session(stage, stage.plan.superuserUrl))
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
