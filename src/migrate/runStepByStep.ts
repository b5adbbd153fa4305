import { isConnectionLost } from '../postgres/sqlState.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, qualified } from '../postgres/identifiers.ts'
import { HundredfoldError } from '../errors.ts'
import type { Statement } from '../syntax/statements.ts'
import { checkConditions } from './checkConditions.ts'
import {
  ForeignIndex,
  dropConcurrently,
  findIndexDefinition,
  indexToCreate,
  indexesToDrop,
  inspectIndex,
} from './concurrentIndex.ts'
import { ConditionFailed, StatementFailed } from './failures.ts'
import type { IndexRecord, LedgerRow, UndoRecord } from './ledger.ts'
import { forget, recordFinished, recordIntent, recordProgress } from './ledger.ts'
import { withinLockBudget } from './lockBudget.ts'
import type { CheckedCondition, Direction, Migration } from './migration.ts'
import { conditionsAround } from './runInTransaction.ts'
import type { RunOptions } from './runOptions.ts'
import type { Script } from './script.ts'
import { inReadOnlyTransaction, readScript } from './script.ts'
import { isCall, isConcurrent, needsAutocommit } from './statementKind.ts'

/**
 * Runs one migration that cannot run in a transaction (CREATE INDEX CONCURRENTLY, VACUUM ...), so that it
 * can be killed anywhere and the next run goes on:
 *
 * 1. the intent is committed to the ledger, with what must be known to take everything back;
 * 2. each statement that can run in a transaction does, together with its mark in the ledger; each that
 *    cannot is one of those whose result can be looked up (is the index absent, invalid, valid?), or a CALL,
 *    which runs again where it was cut off;
 * 3. the conditions after; then the row says `applied`, or everything that was absent before is dropped.
 *
 * @param start what was prepared for a fresh start, or the ledger row that a killed run left
 */
export async function runStepByStep(
  migration: Migration,
  direction: Direction,
  options: RunOptions,
  start: FreshStart | { interrupted: LedgerRow },
): Promise<CheckedCondition[]> {
  const { client } = options
  const row = 'interrupted' in start ? start.interrupted : start.row
  const script = 'script' in start ? start.script : await readScript(migration, direction, options)
  const state = direction === 'up' ? 'applying' : 'reverting'
  const goesOn = 'interrupted' in start && row?.state === state
  const undo = goesOn && row ? row.undo : await recordWhatIsThere(script, options, row)
  const run: StepRun = { migration, direction, options, undo, resumed: 'interrupted' in start }
  if (direction === 'down') refuseForeignIndexes(run)
  if (!goesOn) await recordIntent(client, migration, state, undo)
  try {
    await runStatements(run, script, goesOn && row ? row.statementsDone : 0)
    const last = await checkLast(run)
    if (direction === 'up') await recordFinished(client, migration.name, await listMade(run, script))
    else await forget(client, migration.name)
    return 'script' in start ? [...start.conditions, ...last] : last
  } catch (error) {
    if (isConnectionLost(error)) throw error
    const consequence = await takeBack(run, script)
    if (error instanceof ConditionFailed) {
      throw new ConditionFailed(migration.name, direction, error.conditions, consequence)
    }
    if (error instanceof HundredfoldError) throw error
    throw new StatementFailed(migration.name, direction, consequence, error)
  }
}

/**
 * A run that was cut off on its way `direction` is brought to its end before the other way is taken, where it
 * holds statements that take effect once: the first half of an INSERT's way back is not known.
 *
 * @returns false where nothing of that kind is under way
 */
export async function finishTheOtherWay(
  migration: Migration,
  direction: Direction,
  row: LedgerRow,
  options: RunOptions,
): Promise<boolean> {
  if (row.state !== (direction === 'up' ? 'applying' : 'reverting')) return false
  const script = await readScript(migration, direction, options)
  if (!isMixed(script)) return false
  await runStepByStep(migration, direction, options, { interrupted: row })
  return true
}

/** Whether statements are among them that are committed together with their mark. */
function isMixed({ statements }: Script): boolean {
  return statements.some((statement) => !needsAutocommit(statement))
}

/** A migration whose conditions hold and whose statements are known, ready for its first statement. */
export interface FreshStart {
  script: Script
  conditions: CheckedCondition[]
  /** The ledger's row, on the way down. */
  row?: LedgerRow
}

interface StepRun {
  migration: Migration
  direction: Direction
  options: RunOptions
  undo: UndoRecord
  /** Statements may have run before: what is found done is left as it is. */
  resumed: boolean
}

async function recordWhatIsThere(
  script: Script,
  { client }: RunOptions,
  row: LedgerRow | undefined,
): Promise<UndoRecord> {
  const undo: UndoRecord = { created: row?.undo.created ?? [], dropped: [], made: row?.undo.made ?? [] }
  for (const statement of script.statements) {
    const created = await indexToCreate(client, statement)
    if (created && !(await findIndexDefinition(client, created))) undo.created.push(created)
    for (const dropped of await indexesToDrop(client, statement)) {
      const found = await findIndexDefinition(client, dropped)
      if (found?.isValid) undo.dropped.push({ ...dropped, definition: found.definition })
    }
  }
  return undo
}

/** The indexes that the statements made, as they are now. */
async function listMade(run: StepRun, script: Script): Promise<IndexRecord[]> {
  const made: IndexRecord[] = []
  for (const statement of script.statements) {
    const index = await indexToCreate(run.options.client, statement)
    const found = index && (await findIndexDefinition(run.options.client, index))
    if (found) made.push({ ...index, definition: found.definition })
  }
  return made
}

async function checkLast(run: StepRun): Promise<CheckedCondition[]> {
  const [, last] = conditionsAround(run.migration, run.direction)
  const checked = await inReadOnlyTransaction(run.options, () =>
    checkConditions(run.options.client, last.conditions, last.phase, run.options.conditionTimeoutMs),
  )
  if (checked.every((condition) => condition.holds)) return checked
  throw new ConditionFailed(run.migration.name, run.direction, checked, '')
}

/** An index that bears our name now but is not the one that `up` made is not ours to drop. */
function refuseForeignIndexes({ migration, undo }: StepRun): void {
  for (const index of undo.dropped) {
    const ours = undo.made.find((made) => isSameName(made, index))
    if (ours && ours.definition !== index.definition) {
      throw new ForeignIndex(migration.name, index, index.definition)
    }
  }
}

function isSameName(a: RelationName, b: RelationName): boolean {
  return a.schema === b.schema && a.name === b.name
}

async function runStatements(run: StepRun, script: Script, done: number): Promise<void> {
  const { migration, options } = run
  for (const [index, statement] of script.statements.entries()) {
    if (index < done) continue
    const autocommit = needsAutocommit(statement) || isCall(statement)
    options.onEvent?.({
      kind: 'statement',
      name: migration.name,
      position: index + 1,
      of: script.statements.length,
      sql: statement.sql,
      autocommit,
    })
    await withinLockBudget(migration.name, options, () =>
      autocommit ? runAutocommitted(run, statement) : runWithMark(run, statement, index + 1),
    )
    if (autocommit) await recordProgress(options.client, migration.name, index + 1)
  }
}

/** Statement and mark are one transaction: a kill leaves both or neither. */
async function runWithMark(run: StepRun, statement: Statement, position: number): Promise<void> {
  const { client, lockTimeoutMs, statementTimeoutMs } = run.options
  await client.query('BEGIN')
  try {
    await client.query(
      `SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL statement_timeout = ${statementTimeoutMs}`,
    )
    await client.query(statement.sql)
    await recordProgress(client, run.migration.name, position)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

async function runAutocommitted(run: StepRun, statement: Statement): Promise<void> {
  const { client, buildTimeoutMs, lockTimeoutMs } = run.options
  if (!(await isStillToDo(run, statement))) return
  // A concurrent build waits for old transactions without blocking anybody, so it has no lock timeout:
  // one would only leave an invalid index behind. VACUUM FULL and the like do block, and keep theirs.
  await client.query(
    `SET lock_timeout = ${isConcurrent(statement) ? 0 : lockTimeoutMs}; SET statement_timeout = ${buildTimeoutMs}`,
  )
  try {
    await client.query(statement.sql)
  } finally {
    await client.query('RESET lock_timeout; RESET statement_timeout').catch(() => undefined)
  }
}

/** Mends what a failed or killed build left, and says whether the statement still has to run. */
async function isStillToDo(run: StepRun, statement: Statement): Promise<boolean> {
  const { client } = run.options
  const index = await indexToCreate(client, statement)
  if (index) {
    const state = await inspectIndex(client, index, statement)
    const ours = run.undo.created.some((created) => isSameName(created, index))
    switch (state.kind) {
      case 'absent':
        return true
      case 'valid':
        if (state.sameDefinition) return false
        throw new ForeignIndex(run.migration.name, index, state.definition)
      case 'invalid':
        if (ours) {
          await dropConcurrently(client, index)
          return true
        }
        if (!state.sameDefinition) throw new ForeignIndex(run.migration.name, index, 'an invalid index')
        await client.query(`REINDEX INDEX CONCURRENTLY ${qualified(index)}`)
        return false
      case 'otherRelation':
        throw new ForeignIndex(run.migration.name, index, 'a relation that is no index')
    }
  }
  if (!run.resumed) return true
  const dropped = await indexesToDrop(client, statement)
  if (dropped.length === 0) return true
  for (const name of dropped) if (await findIndexDefinition(client, name)) return true
  return false
}

/**
 * Takes back what this run made, as far as it was absent before, and says in a sentence what is left. Where
 * statements are committed that only the migration's author can take back, what was built stays beside them:
 * the ledger's mark says how far it came, and the next run goes on from there.
 */
async function takeBack(run: StepRun, script: Script): Promise<string> {
  const { migration, options, undo, direction } = run
  const mixed = isMixed(script)
  for (const index of undo.created) {
    const found = await findIndexDefinition(options.client, index)
    if (!found || (mixed && found.isValid)) continue
    options.onEvent?.({ kind: 'undoing', name: migration.name, what: `dropping index ${display(index)}` })
    await dropConcurrently(options.client, index)
  }
  if (mixed) return `Statements that are committed stay: \`migrate ${direction}\` goes on from there.`
  for (const index of undo.dropped) await rebuild(run, index)
  if (direction === 'up') await forget(options.client, migration.name)
  else await recordFinished(options.client, migration.name, undo.made)
  return 'What it had made was taken back.'
}

/** An index that was there before is there again; one whose drop was cut off is invalid and made anew. */
async function rebuild({ migration, options }: StepRun, index: IndexRecord): Promise<void> {
  const found = await findIndexDefinition(options.client, index)
  if (found?.isValid) return
  options.onEvent?.({ kind: 'undoing', name: migration.name, what: `building index ${display(index)} again` })
  if (found) await dropConcurrently(options.client, index)
  await options.client.query(index.definition.replace(' INDEX ', ' INDEX CONCURRENTLY '))
}
