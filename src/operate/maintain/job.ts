import type { Action } from '../action.ts'

/** Work that a schedule has to do, and why it is due. Running it gives a line for people; empty for nothing to tell. */
export interface Job extends Action<string> {
  task: 'partitions' | 'retention' | 'analyze' | 'vacuum'
  subject: string
  why: string
  /** Whether a job of pg_cron with this command does the same. */
  isDoneBy(command: string): boolean
}

/** The work of one kind, and what of it this role may not do, each in a sentence. */
export interface Work {
  jobs: Job[]
  cannot: string[]
}
