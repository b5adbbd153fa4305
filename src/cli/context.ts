import type { Config } from '../config.ts'
import type { ExitCode } from '../errors.ts'
import type { Terminal } from './terminal.ts'

/** What every command is given. */
export interface CommandContext {
  config: Config
  terminal: Terminal
  /** Sets the exit code with which the program ends. */
  finish(exitCode: ExitCode): void
}
