import type { Client } from 'pg'
import type { MigrationStatus } from '../migrate/history.ts'
import type { Migration, Ran } from '../migrate/migration.ts'
import type { Plan } from '../migrate/plan.ts'
import type { Proofs } from '../migrate/prove.ts'
import type { Target } from '../migrate/target.ts'
import type { up as upSession } from '../migrate/up.ts'
import type { Verified } from '../migrate/verify.ts'
import { connect } from '../postgres/connect.ts'
import { readProjectSettings } from '../project/settings.ts'
import type { OnDatabase } from './session.ts'
import { urlOf, withSession } from './session.ts'

export interface MigrationOptions extends OnDatabase {
  /** Where the migrations lie; by default the project's directory. */
  directory?: string
}

/** How far a run goes: a number of migrations, or up to and including a named one. */
export interface RunOptions extends MigrationOptions, Target {
  /** Longest wait of other sessions behind one attempt to get a lock; a second by default. */
  lockTimeoutMs?: number
  /** How long to start new attempts; a minute by default. */
  lockBudgetMs?: number
}

/**
 * The state of every migration. Nothing is written.
 *
 * ```ts
 * for (const { name, state } of await status({ url: process.env.DIRECT_URL })) console.log(state, name)
 * ```
 */
export async function status(options: MigrationOptions = {}): Promise<MigrationStatus[]> {
  const { status: statusSession } = await import('../migrate/status.ts')
  const migrations = await load(options)
  return withSession(options, (client) => statusSession(migrations, client))
}

/**
 * What the pending migrations will do: statements, locks, conditions, and whether `down` takes back what `up` does.
 * The database is only read; the statements run in a throw-away PostgreSQL on this machine.
 *
 * ```ts
 * const { migrations, drift } = await plan({ url: process.env.DIRECT_URL })
 * for (const { name, reversible } of migrations) console.log(name, reversible)
 * ```
 */
export async function plan(options: MigrationOptions & Target = {}): Promise<Plan> {
  const { plan: planSession } = await import('../migrate/plan.ts')
  const migrations = await load(options)
  return reading(options, (client) => planSession(migrations, targetOf(options), client, signalOf(options)))
}

/** Runs every migration up, down and up again in a throw-away PostgreSQL, and compares the schema after each run. */
export async function prove(options: MigrationOptions = {}): Promise<Proofs> {
  const { prove: proveSession } = await import('../migrate/prove.ts')
  const migrations = await load(options)
  return reading(options, (client) => proveSession(migrations, client, signalOf(options)))
}

/**
 * Applies pending migrations in order, with their conditions checked before and after. What was applied before a failure
 * stays applied; `status` tells.
 *
 * ```ts
 * const ran = await up({ url: process.env.DIRECT_URL, lockBudgetMs: 300_000 })
 * console.log(ran.map(({ name, ms }) => `${name}: ${ms} ms`))
 * ```
 *
 * @throws HundredfoldError for the first migration that fails; its `exitCode` tells the kind, its `next` what to do
 */
export async function up(options: RunOptions = {}): Promise<Ran[]> {
  return run((await import('../migrate/up.ts')).up, options)
}

/**
 * Takes applied migrations back, newest first: one by default.
 *
 * ```ts
 * await down({ url: process.env.DIRECT_URL, count: 2 })
 * ```
 *
 * @throws HundredfoldError as `up` does
 */
export async function down(options: RunOptions = {}): Promise<Ran[]> {
  return run((await import('../migrate/down.ts')).down, options)
}

/**
 * Checks again, read-only, that the conditions of applied migrations still hold.
 *
 * ```ts
 * const verified = await verify({ url: process.env.DIRECT_URL })
 * const broken = verified.filter(({ conditions }) => conditions.some(({ holds }) => !holds))
 * ```
 */
export async function verify(options: MigrationOptions = {}): Promise<Verified[]> {
  const { verify: verifySession } = await import('../migrate/verify.ts')
  const migrations = await load(options)
  const { defaultRunOptions } = await import('../migrate/runOptions.ts')
  const { statementTimeoutMs } = defaultRunOptions
  return withSession(options, (client) => verifySession(migrations, { client, statementTimeoutMs }))
}

async function run(work: typeof upSession, options: RunOptions): Promise<Ran[]> {
  const { refuseUnfitSession } = await import('../migrate/directSession.ts')
  const { defaultRunOptions } = await import('../migrate/runOptions.ts')
  const { lockTimeoutMs, lockBudgetMs, signal } = options
  const url = urlOf(options)
  const migrations = await load(options)
  // An abort must not end the session: what a migration has begun is taken back in it.
  return withSession({ url }, async (client) => {
    await refuseUnfitSession(client, () => connect(url, { connectTimeoutMs: 2_000, answerTimeoutMs: 2_000 }))
    const { ran, failure } = await work(migrations, targetOf(options), {
      ...defaultRunOptions,
      ...{ client, openSession: () => connect(url) },
      ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
      ...(lockBudgetMs === undefined ? {} : { lockBudgetMs }),
      ...(signal ? { signal } : {}),
    })
    if (failure) throw failure
    return ran
  })
}

async function load({
  directory = readProjectSettings().migrations,
}: MigrationOptions): Promise<Migration[]> {
  const { loadMigrations } = await import('../migrate/loadMigrations.ts')
  return loadMigrations(directory)
}

function reading<T>(on: OnDatabase, work: (client: Client) => Promise<T>): Promise<T> {
  return withSession(on, async (client) => {
    await client.query('SET default_transaction_read_only = on')
    return work(client)
  })
}

function targetOf({ count, to }: Target): Target {
  return { ...(count === undefined ? {} : { count }), ...(to === undefined ? {} : { to }) }
}

function signalOf({ signal }: OnDatabase): { signal?: AbortSignal } {
  return signal ? { signal } : {}
}
