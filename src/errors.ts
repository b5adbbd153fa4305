/**
 * One table of exit codes for the whole program; scripts rely on it.
 *
 * | code | meaning |
 * |---|---|
 * | 0 | done and clean |
 * | 1 | unexpected error |
 * | 2 | a condition failed, or findings at or above `--fail-on` |
 * | 3 | lock or time budget not met |
 * | 4 | drift or regression |
 * | 5 | usage or configuration |
 */
export const exitCodes = {
  done: 0,
  unexpected: 1,
  conditionFailed: 2,
  budgetExceeded: 3,
  drift: 4,
  usage: 5,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/**
 * An error that a person can act on: what happened, and what to do next.
 * The command line prints both lines and ends with `exitCode`, without a stack trace.
 */
export class HundredfoldError extends Error {
  readonly exitCode: ExitCode
  /** One sentence: what the reader can do next. */
  readonly next: string
  /** The full list, where the message shows only its beginning; `--json` has it. */
  readonly details: string[] | undefined

  constructor(exitCode: ExitCode, message: string, next: string, options: HundredfoldErrorOptions = {}) {
    super(message, options)
    this.name = new.target.name
    this.exitCode = exitCode
    this.next = next
    this.details = options.details
  }
}

interface HundredfoldErrorOptions extends ErrorOptions {
  details?: string[]
}

/** The command was called wrongly, or its environment is not set up. */
export class UsageError extends HundredfoldError {
  constructor(message: string, next: string, options?: HundredfoldErrorOptions) {
    super(exitCodes.usage, message, next, options)
  }
}

/** The message of an error; any other thrown value as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
