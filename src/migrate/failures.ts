import { HundredfoldError, exitCodes, messageOf } from '../errors.ts'
import { shortList } from '../shortList.ts'
import type { CheckedCondition, Direction } from './migration.ts'

/** A condition does not hold; what the migration did was taken back. */
export class ConditionFailed extends HundredfoldError {
  readonly migration: string
  readonly conditions: CheckedCondition[]

  constructor(migration: string, direction: Direction, conditions: CheckedCondition[], consequence: string) {
    const failed = conditions.filter((condition) => !condition.holds)
    const lines = failed.map(
      (condition) =>
        `${condition.description}: expected ${condition.expected ?? ''}, found ${condition.actual ?? ''}`,
    )
    super(
      exitCodes.conditionFailed,
      `${migration} (${direction}): ${failed.length === 1 ? 'a condition does' : `${failed.length} conditions do`} not hold. ${consequence}\n  ${shortList(lines, '\n  ')}`,
      'Compare the condition with the database: `migrate plan` shows every condition with its present result.',
      { details: lines },
    )
    this.migration = migration
    this.conditions = conditions
  }
}

/** The server refused a statement; what the migration did was taken back. */
export class StatementFailed extends HundredfoldError {
  readonly migration: string
  /** A sentence about what is left. */
  readonly consequence: string

  constructor(migration: string, direction: Direction, consequence: string, cause: unknown) {
    const message = `${migration} (${direction}): ${messageOf(cause)}. ${consequence}`
    super(exitCodes.unexpected, message, nextStep(cause), { cause })
    this.migration = migration
    this.consequence = consequence
  }
}

/** Ctrl-C or SIGTERM came while the migration ran. What it had begun was taken back or waits, as after any failure. */
export class Stopped extends HundredfoldError {
  constructor(migration: string, cause: unknown) {
    super(
      exitCodes.unexpected,
      `Stopped during ${migration}. ${cause instanceof StatementFailed ? cause.consequence : 'Nothing half-done is left.'}`,
      'Run the command again to go on; `migrate status` shows where everything stands.',
      { cause },
    )
  }
}

/** The hours in which the run may work have ended, or have not begun. What was done before stays. */
export class HoursEnded extends HundredfoldError {
  readonly hours: string

  /** @param names what the run has done and what it has left, if that is known already */
  constructor(hours: string, names: { done: string[]; left: string[] } = { done: [], left: [] }) {
    const { done, left } = names
    const count = done.length === 1 ? '1 migration is' : `${done.length} migrations are`
    super(
      exitCodes.budgetExceeded,
      `It is not within ${hours} now, so nothing more was begun. ${count} done${done.length > 0 ? ` (${shortList(done)})` : ''}; ${left.length} left${left.length > 0 ? ` (${shortList(left)})` : ''}.`,
      'Run the same command again: it waits for the hours and goes on from there.',
      { ...(left.length > 0 ? { details: left } : {}) },
    )
    this.hours = hours
  }
}

/** The server stopped or the network broke: while a migration ran, or between two of them. */
export class SessionLost extends HundredfoldError {
  constructor(migration: string | undefined, cause: unknown) {
    super(
      exitCodes.unexpected,
      migration
        ? `The connection was lost while ${migration} ran.`
        : 'The connection was lost between migrations.',
      'When the server answers again, run the command again: it finds what was done and goes on from there.',
      { cause },
    )
  }
}

function nextStep(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  switch (code) {
    case '42501':
      return 'Run as the owner of the object, or let its owner grant the privilege.'
    case '42P01':
    case '42703':
    case '42704':
    case '3F000':
      return 'The migration names an object that this database does not have: check the schema, or state it as a condition.'
    case '2D000':
      return 'A procedure that commits cannot run in a transaction: call pgm.noTransaction() first. A procedure that is cut off is called again.'
    case '53100':
      return 'The disk is full: free or add space, then run `migrate up` again.'
    case '57014':
      return 'A statement was cancelled or ran out of time; give it more with --statement-timeout, --condition-timeout or --build-timeout.'
    default:
      return 'Fix the cause and run the command again; `migrate status` shows where everything stands.'
  }
}
