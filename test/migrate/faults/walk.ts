import type { Client } from 'pg'
import { expect } from 'vitest'
import { connect } from '../../../src/postgres/connect.ts'
import { readFingerprint } from '../../../src/fingerprint/fingerprint.ts'
import { checkConditions } from '../../../src/migrate/checkConditions.ts'
import { down } from '../../../src/migrate/down.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import { inReadOnlyTransaction } from '../../../src/migrate/script.ts'
import { up } from '../../../src/migrate/up.ts'
import { verify } from '../../../src/migrate/verify.ts'
import type { WireProxy } from '../../support/wireProxy.ts'
import { startWireProxy } from '../../support/wireProxy.ts'
import type { Arena, ArenaDatabase } from './arena.ts'
import type { Boundaries } from './boundaries.ts'
import type { HeldRun, RunPlan } from './heldRun.ts'
import { runUntil, walksEverything } from './heldRun.ts'
import type { Command } from './runners.ts'
import { transactionMark, untilRunnersAreGone, wasCommitted } from './transactions.ts'

/** One database that stands before a migration, which is hit there at boundary after boundary, up and down. */
export interface Walk extends Pick<RunPlan, 'migrations' | 'position' | 'run' | 'everyRequest'> {
  arena: Arena
  database: ArenaDatabase
  /** Of the database as it stands before the migration. */
  fingerprint: string
  /** Those that are left to hit, which walkers on other copies of the database hit too. */
  boundaries: Boundaries
  /**
   * Nobody else works on the server until the walker goes on, so that what is committed meanwhile is its own: a server
   * to which a request has come goes on with it after a cut. Otherwise a run that stands still commits nothing more.
   */
  isAlone: boolean
}

interface Stage extends Walk {
  proxy: WireProxy
  /** Undisturbed sessions by their URL, kept while they last. */
  sessions: Map<string, Client>
}

/**
 * Runs until a boundary and stands still for the harm to be done; then runs again, looks whether all is well; then the
 * next boundary, by turns up and down, until nothing is left to hit.
 *
 * A strike after which nothing is committed needs no run of its own: the next one, which is struck later or not at
 * all, starts from the very same state.
 *
 * While one walks no other may: by the numbers of transactions it is known what was committed.
 *
 * @returns how many times it was struck
 */
export async function* walk(plan: Walk): AsyncGenerator<HeldRun, number> {
  const { position, boundaries, migrations } = plan
  const stage = await enter(plan)
  try {
    let strikes = 0
    let isApplied = false
    while (isApplied || boundaries.areLeft()) {
      const command = commandFrom(isApplied, boundaries)
      if (boundaries.areLeft(command)) {
        const from = await mark(stage)
        const held = await runUntil(runOf(stage, command), boundaries.take(command))
        if (typeof held === 'number') boundaries.end(command)
        else {
          const until = plan.isAlone ? undefined : await mark(stage)
          yield held
          strikes += 1
          await untilOver(held, stage)
          const isChanged =
            held.isMidway ||
            (await wasCommitted(await plan.arena.administrator(), from, until ?? (await mark(stage))))
          if (!isChanged && !walksEverything) continue
          await converge(stage, command === 'down' ? 'down' : 'up')
        }
      } else await converge(stage, command === 'down' ? 'down' : 'up')
      isApplied = command !== 'down'
      await expectState(stage, isApplied)
      if (!isApplied) await forgetLedgerOfFirst(stage)
    }
    expect(await fingerprint(stage), migrations[position]?.name).toBe(plan.fingerprint)
    await converge(stage, 'up')
    await expectVerified(stage)
    return strikes
  } finally {
    await leave(stage)
  }
}

/** How many boundaries undisturbed runs of the commands have; afterwards the database is as it was. */
export async function countBoundaries(plan: Walk, commands: Command[]): Promise<number> {
  const stage = await enter(plan)
  try {
    let count = 0
    for (const command of commands) {
      const boundaries = await runUntil(runOf(stage, command), Infinity)
      if (typeof boundaries === 'number') count += boundaries
      await expectState(stage, command !== 'down')
    }
    await forgetLedgerOfFirst(stage)
    return count
  } finally {
    await leave(stage)
  }
}

async function enter(plan: Walk): Promise<Stage> {
  return { ...plan, proxy: await startWireProxy(plan.database.ownerUrl), sessions: new Map() }
}

async function leave({ sessions, proxy }: Stage): Promise<void> {
  await Promise.all([...sessions.values()].map((client) => client.end()))
  await proxy.close()
}

function commandFrom(isApplied: boolean, boundaries: Boundaries): Command {
  if (!isApplied) return 'up'
  return boundaries.areLeft('redo') ? 'redo' : 'down'
}

function runOf(stage: Stage, command: Command): RunPlan {
  const { name, ownerUrl, superuserUrl } = stage.database
  return { ...stage, database: name, ownerUrl, command, blocker: () => session(stage, superuserUrl) }
}

/** Lets the run go, and waits until nothing of it is left. */
async function untilOver(held: HeldRun, { arena }: Stage): Promise<void> {
  await held.release()
  await untilRunnersAreGone(await arena.administrator(), held.database)
}

async function mark({ arena }: Stage): Promise<string> {
  return transactionMark(await arena.administrator())
}

/** A run that nobody disturbs ends well, whatever came before it. */
async function converge(stage: Stage, command: 'up' | 'down'): Promise<void> {
  const { migrations, position, database } = stage
  const name = migrations[position]?.name ?? ''
  const client = await session(stage, database.ownerUrl)
  const run = command === 'up' ? up : down
  const { failure } = await run(migrations, { to: name }, { ...defaultRunOptions, client })
  expect(failure, `${command} after a fault: ${name}`).toBeUndefined()
}

/** So many ledger rows, all of them applied; no invalid index; the conditions of the migration hold. */
async function expectState(stage: Stage, isApplied: boolean): Promise<void> {
  const { migrations, position, database } = stage
  const client = await session(stage, database.ownerUrl)
  const { rows } = await client.query<{ ledger: string[]; invalid: string[] }>(
    `SELECT ARRAY(SELECT name || ' ' || state FROM hundredfold.migrations ORDER BY position) AS ledger,
            ARRAY(SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid) AS invalid`,
  )
  const applied = migrations.slice(0, position + (isApplied ? 1 : 0))
  expect(rows).toEqual([{ ledger: applied.map(({ name }) => `${name} applied`), invalid: [] }])
  const phase = isApplied ? 'after' : 'before'
  const conditions = migrations[position]?.optimization?.[phase] ?? []
  const checked = await inReadOnlyTransaction({ client, statementTimeoutMs: 60_000 }, () =>
    checkConditions(client, conditions, phase),
  )
  expect(checked.filter(({ holds }) => !holds)).toEqual([])
}

/** Before the first migration there is no ledger: it is made again at every run, so that all have the same boundaries. */
async function forgetLedgerOfFirst(stage: Stage): Promise<void> {
  if (stage.position > 0) return
  const client = await session(stage, stage.database.ownerUrl)
  await client.query('DROP SCHEMA hundredfold CASCADE')
}

async function expectVerified(stage: Stage): Promise<void> {
  const client = await session(stage, stage.database.ownerUrl)
  const verified = await verify(stage.migrations, { client, statementTimeoutMs: 60_000 })
  const failed = verified.flatMap(({ conditions }) => conditions.filter(({ holds }) => !holds))
  expect(failed).toEqual([])
}

async function fingerprint(stage: Stage): Promise<string> {
  return (await readFingerprint(await session(stage, stage.database.superuserUrl))).text
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
