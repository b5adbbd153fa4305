import type { ClientBase } from 'pg'
import type { Direction, Migration } from '../migration.ts'
import type { RunOptions } from '../runOptions.ts'
import type { StepRecord } from './record.ts'

/** One statement of a step-by-step migration, run as its kind needs it; a kind leaves out what it does not need. */
export interface Step {
  sql: string
  /** It commits by itself, before its mark; otherwise statement and mark are one transaction. */
  autocommit: boolean
  /** Only the migration's author can take back what it commits. */
  isLasting: boolean
  /** What must be known to take it back; asked before the migration's first statement. */
  remember?(run: StepRun): Promise<StepRecord[]>
  /** Whether it still has to run; mends what a failed or killed run left. */
  isStillToDo?(run: StepRun): Promise<boolean>
  /** @param mark says in the ledger that it is done; a step that does not commit by itself calls it */
  run(options: RunOptions, mark: () => Promise<void>): Promise<void>
  /** What it made, as it is now. */
  listMade?(client: ClientBase): Promise<StepRecord[]>
  /** Completes what somebody else's failed run left; false where there is nothing of the kind. */
  heal?(client: ClientBase): Promise<boolean>
}

/** One run of a migration, as its steps see it. */
export interface StepRun {
  migration: Migration
  direction: Direction
  options: RunOptions
  /** What the ledger remembers of the steps. */
  records: StepRecord[]
  /** Statements may have run before: what is found done is left as it is. */
  resumed: boolean
  /** Some of the steps are lasting: beside them, what is whole stays when steps are taken back. */
  isMixed: boolean
}
