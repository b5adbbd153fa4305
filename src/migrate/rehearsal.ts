import type { Client, ClientBase } from 'pg'
import { messageOf } from '../errors.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier, quote } from '../postgres/identifiers.ts'
import { prepared } from '../postgres/prepared.ts'
import { differences } from '../fingerprint/differences.ts'
import type { Fingerprint } from '../fingerprint/fingerprint.ts'
import { readFingerprint } from '../fingerprint/fingerprint.ts'
import type { NotCopied } from '../shadow/notCopied.ts'
import type { StatementLocks } from '../shadow/locks.ts'
import type { Shadow } from '../shadow/openShadow.ts'
import { openShadow } from '../shadow/openShadow.ts'
import { relationsIn } from '../syntax/relations.ts'
import { checkConditions } from './checkConditions.ts'
import type { CheckedCondition, Direction, Migration } from './migration.ts'
import { findRunner } from './runner.ts'
import { defaultRunOptions } from './runOptions.ts'
import type { Script } from './script.ts'
import { inReadOnlyTransaction, readScript } from './script.ts'

/** What a migration did in the shadow: up, down and up again. */
export interface Rehearsal {
  name: string
  up: StatementLocks[]
  down: StatementLocks[]
  transactional: boolean
  /** Each condition about the schema (not about rows) that failed. */
  failedConditions: CheckedCondition[]
  /** What differs after `down` from before, and after the second `up` from the first. */
  difference: string[]
  /** The shadow had everything that the migration needs, so the answer is a proof. */
  proven: boolean
  /** Why it is not proven. */
  reason?: string
}

/** Where migrations are dry-run: a session in the shadow, and the schema as it is there now. */
export interface Stage {
  shadow: Shadow
  session: ClientBase
  fingerprint: Fingerprint
  /** Reads the schema anew. */
  look(): Promise<Fingerprint>
}

/** Makes a shadow of the database, and calls `work` with a stage in it whose role is the one that will run the migrations. */
export async function onStage<T>(source: ClientBase, work: (stage: Stage) => Promise<T>): Promise<T> {
  const shadow = await openShadow(source)
  try {
    const role = await findRunner(source)
    const session = await shadow.connect(role)
    const onlooker = await connectOnlooker(shadow, role)
    const look = () => readFingerprint(prepared(onlooker))
    try {
      return await work({ shadow, session, fingerprint: await look(), look })
    } finally {
      await onlooker.end()
      await session.end()
    }
  } finally {
    await shadow.close()
  }
}

/**
 * A session that only reads the schema, three times per migration. It prepares its queries, so no migration may run in
 * it and discard them. It sees what the role sees without a login as that role, whose connection limit may be 1.
 */
async function connectOnlooker(shadow: Shadow, role: string | undefined): Promise<Client> {
  const onlooker = await shadow.connect()
  if (role !== undefined) await onlooker.query(`SET SESSION AUTHORIZATION ${quote(role)}`)
  return onlooker
}

/**
 * Runs a migration up, down and up again in the shadow, reads the locks of every statement, and compares the schema after
 * each run. Migrations of one series go up together and down together. They stay applied there, ready for the next one.
 */
export async function rehearse(stage: Stage, migrations: readonly Migration[]): Promise<Rehearsal[]> {
  const rehearsals = migrations.map(({ name }): Rehearsal => ({
    ...{ name, up: [], down: [], transactional: true },
    ...{ failedConditions: [], difference: [], proven: true },
  }))
  const pairs = migrations.map((migration, at) => ({ migration, rehearsal: rehearsals[at] as Rehearsal }))
  try {
    await rehearseUpDownUp(stage, pairs)
  } catch (error) {
    for (const rehearsal of rehearsals) {
      rehearsal.proven = false
      rehearsal.reason = `it failed in the shadow: ${messageOf(error)}`
    }
    stage.fingerprint = await stage.look()
  }
  for (const { migration, rehearsal } of pairs) {
    const lacking = rehearsal.proven ? await findLacking(stage.shadow.notCopied, migration, stage) : undefined
    if (!lacking) continue
    rehearsal.proven = false
    rehearsal.reason = `${lacking.object} is not in the shadow as it is in the database: ${lacking.reason}`
  }
  return rehearsals
}

interface Pair {
  migration: Migration
  rehearsal: Rehearsal
}

async function rehearseUpDownUp(stage: Stage, pairs: readonly Pair[]): Promise<void> {
  const base = stage.fingerprint
  for (const { migration, rehearsal } of pairs) {
    rehearsal.failedConditions.push(...(await failing(stage, migration, 'before')))
    const up = await runInShadow(stage, migration, 'up')
    rehearsal.transactional = up.transactional
    rehearsal.up = up.statements
    rehearsal.failedConditions.push(...(await failing(stage, migration, 'after')))
  }
  const applied = await stage.look()
  stage.fingerprint = applied
  for (const { migration, rehearsal } of pairs.toReversed()) {
    const down = await runInShadow(stage, migration, 'down')
    rehearsal.down = down.statements
    rehearsal.failedConditions.push(...(await failing(stage, migration, 'before')))
  }
  const back = await stage.look()
  const difference = differences(base, back).map(({ sentence }) => sentence)
  difference.push(
    ...(await secondTimeUp(
      stage,
      pairs.map(({ migration }) => migration),
      applied,
    )),
  )
  for (const { rehearsal } of pairs) rehearsal.difference.push(...difference)
}

/** How the schema after the second `up` differs from the first; a second `up` that fails counts as a difference. */
async function secondTimeUp(
  stage: Stage,
  migrations: readonly Migration[],
  first: Fingerprint,
): Promise<string[]> {
  try {
    for (const migration of migrations) await runInShadow(stage, migration, 'up')
  } catch (error) {
    stage.fingerprint = await stage.look()
    return [`the second time up, it failed: ${messageOf(error)}`]
  }
  stage.fingerprint = await stage.look()
  return differences(first, stage.fingerprint).map(({ sentence }) => `the second time up, ${sentence}`)
}

/** Sends the statements of one direction in the shadow and reads their locks. */
export async function runInShadow(
  { shadow, session }: Stage,
  migration: Migration,
  direction: Direction,
): Promise<{ statements: StatementLocks[]; transactional: boolean }> {
  const script = await scriptIn(session, migration, direction)
  const statements: StatementLocks[] = []
  if (script.transactional) await session.query('BEGIN')
  try {
    for (const { sql } of script.statements) statements.push(await shadow.runAndReadLocks(session, sql))
    if (script.transactional) await session.query('COMMIT')
  } catch (error) {
    if (script.transactional) await session.query('ROLLBACK')
    throw error
  }
  return { statements, transactional: script.transactional }
}

function scriptIn(session: ClientBase, migration: Migration, direction: Direction): Promise<Script> {
  return readScript(migration, direction, {
    client: session,
    statementTimeoutMs: defaultRunOptions.statementTimeoutMs,
  })
}

/** The conditions that do not hold. The shadow has no rows, so only conditions about the schema are checked. */
async function failing(
  { session }: Stage,
  { optimization }: Migration,
  phase: 'before' | 'after',
): Promise<CheckedCondition[]> {
  const conditions = (optimization?.[phase] ?? []).filter((condition) => !condition.dependsOnData)
  const checked = await inReadOnlyTransaction(
    { client: session, statementTimeoutMs: defaultRunOptions.statementTimeoutMs },
    () => checkConditions(session, conditions, phase),
  )
  return checked.filter((condition) => !condition.holds)
}

/** The first object that the migration needs and the shadow lacks. */
async function findLacking(
  notCopied: NotCopied[],
  migration: Migration,
  { session }: Stage,
): Promise<NotCopied | undefined> {
  if (notCopied.length === 0) return undefined
  const script = await scriptIn(session, migration, 'up')
  const touched = script.statements.flatMap(({ node }) => relationsIn(node))
  return notCopied.find(({ object }) => touched.some((relation) => mentions(object, relation)))
}

/** `index public.places_location_idx` mentions `public.places_location_idx`, and not `public.places`. */
function mentions(object: string, { schema, name }: Partial<RelationName> & { name: string }): boolean {
  const wanted = schema === undefined ? displayIdentifier(name) : display({ schema, name })
  const at = object.indexOf(wanted)
  if (at < 0) return false
  const before = at === 0 ? ' ' : object[at - 1]
  const after = object[at + wanted.length] ?? ' '
  return (before === ' ' || before === '.') && (after === ' ' || after === '.')
}

/** Neighbours of one series together, every other migration alone. */
export function togetherInSeries(migrations: readonly Migration[]): Migration[][] {
  const groups: Migration[][] = []
  for (const migration of migrations) {
    const series = migration.optimization?.series
    const last = groups.at(-1)
    if (series !== undefined && last?.[0]?.optimization?.series === series) last.push(migration)
    else groups.push([migration])
  }
  return groups
}
