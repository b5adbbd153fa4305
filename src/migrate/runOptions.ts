import type { Client, ClientBase } from 'pg'
import type { RelationName } from '../postgres/identifiers.ts'
import { defaultReplicaLagMs } from '../postgres/replicaLag.ts'
import type { Clock, Hours } from './hours.ts'
import type { Direction, Ran } from './migration.ts'
import type { Pause } from './pace/pause.ts'

/** How a run behaves; times in milliseconds. */
export interface RunOptions {
  /** A direct session that nothing else uses; the caller opens and ends it. */
  client: ClientBase
  /** Opens a further session like it, for a statement on which several work at once; without it, one session does all. */
  openSession?: () => Promise<Client>
  /** How long other sessions may have to wait behind the lock request of one attempt; most attempts ask for less. */
  lockTimeoutMs: number
  /** How long to start new attempts. */
  lockBudgetMs: number
  /** Longest time for one statement of a transactional migration, and for `up` or `down` to hand over its SQL. */
  statementTimeoutMs: number
  /** Longest time for one query of a condition. */
  conditionTimeoutMs: number
  /** Longest time for one concurrent build, or another long statement without a strong lock; 0 means no limit. */
  buildTimeoutMs: number
  /** Batches walk no more rows a second than this; no limit where absent. */
  maxRowsPerSecond?: number
  /** Batches wait while a replica is further behind; 0 means that nobody looks at replicas. */
  maxReplicaLagMs: number
  /** `up` runs only what somebody has approved, as it was then and on the schema that it was approved for. */
  approvedOnly?: boolean
  /** What goes down stays in the ledger as taken back, so that `up` does not apply it again. */
  marksTakenBack?: boolean
  /** No migration, and no attempt to get a lock, begins outside of these hours. The caller waits for them to begin. */
  hours?: Hours
  clock?: Clock
  /** Aborted by Ctrl-C and SIGTERM. The caller also cancels the statement that is running. */
  signal?: AbortSignal
  onEvent?: (event: RunEvent) => void
}

/** What a run reports while it works. */
export type RunEvent =
  | { kind: 'waiting'; holderPid?: number }
  | { kind: 'started'; name: string; direction: Direction; resumed: boolean }
  | { kind: 'statement'; name: string; position: number; of: number; sql: string; autocommit: boolean }
  | { kind: 'retrying'; name: string; pauseMs: number; remainingMs: number }
  | BatchEvent
  /** Somebody has a lock that the migration needs. Nobody waits behind us meanwhile. */
  | { kind: 'heldUp'; name: string; holder: string; remainingMs: number }
  | { kind: 'undoing'; name: string; what: string }
  | { kind: 'done'; ran: Ran }
  /** `migrate verify --gain --take-back` has undone it. */
  | { kind: 'leftTakenBack'; name: string }
  /** What `migrate verify --gain` compares could not be kept. */
  | { kind: 'gainNotKept'; reason: string }

/** How far the batches of one statement are: after a batch, and when a pause begins. */
export interface BatchEvent {
  kind: 'batch'
  name: string
  /** Which statement of the migration it is, counted from 1. */
  position: number
  of: number
  table: RelationName
  /** Rows of the table that were walked, whether the statement changed them or not. */
  rows: number
  /** An estimate. */
  rowsInAll: number
  rowsPerSecond: number
  /** Absent as long as nothing can be said. */
  leftMs?: number
  pause?: Pause
}

export const defaultRunOptions = {
  lockTimeoutMs: 1_000,
  lockBudgetMs: 60_000,
  statementTimeoutMs: 600_000,
  // Long, since some conditions compare policies row by row.
  conditionTimeoutMs: 300_000,
  buildTimeoutMs: 0,
  maxReplicaLagMs: defaultReplicaLagMs,
}
