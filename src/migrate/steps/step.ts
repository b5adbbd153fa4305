import type { ClientBase } from 'pg'
import type { Direction, Migration } from '../migration.ts'
import type { RunOptions } from '../runOptions.ts'
import type { StepRecord } from './record.ts'

/** One statement of a step-by-step migration. A kind of step implements only the methods that it needs. */
export interface Step {
  sql: string
  /** It commits by itself, before its mark is set; else statement and mark share one transaction. */
  autocommit: boolean
  /** Only the migration's author can take back what it commits. */
  isLasting: boolean
  /** It may have committed a part of its work before its mark is set. */
  commitsInParts?: true
  /** What is needed to take it back; read before the migration's first statement. */
  remember?(run: StepRun): Promise<StepRecord[]>
  /** Whether it still has to run; also repairs what a failed or killed run left. */
  isStillToDo?(run: StepRun): Promise<boolean>
  /** @param mark records in the ledger that the step is done; a step that does not commit by itself calls it */
  run(options: RunOptions, mark: () => Promise<void>, place: Place): Promise<void>
  /** What it made, with its present definition. */
  listMade?(client: ClientBase): Promise<StepRecord[]>
  /** Completes what somebody else's failed run left; false if there is nothing to complete. */
  heal?(client: ClientBase): Promise<boolean>
}

/** Where a step stands in its migration; positions count from 1. */
export interface Place {
  name: string
  position: number
  of: number
}

/** One run of a migration, as its steps see it. */
export interface StepRun {
  migration: Migration
  direction: Direction
  options: RunOptions
  /** What the ledger remembers of the steps. */
  records: StepRecord[]
  /** An earlier run may have done some of the steps; those are skipped. */
  resumed: boolean
  /** Some of the steps are lasting, so valid indexes stay when the other steps are taken back. */
  isMixed: boolean
}
