import { HundredfoldError, exitCodes } from '../errors.ts'
import { shortList } from '../shortList.ts'
import type { LedgerRow } from './ledger.ts'
import type { Migration } from './migration.ts'

/** The state of a migration, from its file and the ledger. */
export interface MigrationStatus {
  name: string
  /**
   * `changed`: applied, but the file's text has changed since. `missing`: applied, but the file is gone.
   * `interrupted`: a run was killed in the middle; the next `up` or `down` continues there.
   */
  state: 'applied' | 'pending' | 'missing' | 'changed' | 'interrupted'
  appliedAt?: string
  /** Pending, and `up` leaves it out: `migrate verify --gain --take-back` has undone it. */
  takenBack?: boolean
  /** Pending although a later one is applied. */
  outOfOrder?: boolean
}

/** Compares the files with the ledger, in the order of their names. */
export function compareHistory(migrations: Migration[], ledger: LedgerRow[]): MigrationStatus[] {
  const files = new Map(migrations.map((migration) => [migration.name, migration]))
  const rows = new Map(ledger.map((row) => [row.name, row]))
  const applied = ledger.filter(({ state }) => state !== 'takenBack').map(({ name }) => name)
  const names = [...new Set([...files.keys(), ...applied])].sort()
  const last = applied.reduce((a, b) => (a > b ? a : b), '')
  return names.map((name) => {
    const file = files.get(name)
    const row = rows.get(name)
    if (row?.state === 'takenBack' && row.checksum === file?.checksum)
      return { name, state: 'pending', takenBack: true }
    if (!row || row.state === 'takenBack')
      return { name, state: 'pending', ...(name < last ? { outOfOrder: true } : {}) }
    const appliedAt = row.appliedAt ? { appliedAt: row.appliedAt.toISOString() } : {}
    if (!file) return { name, state: 'missing', ...appliedAt }
    if (file.checksum !== row.checksum) return { name, state: 'changed', ...appliedAt }
    return { name, state: row.state === 'applied' ? 'applied' : 'interrupted', ...appliedAt }
  })
}

/** The files and the ledger disagree; nothing is run until they agree. */
export class DriftError extends HundredfoldError {
  readonly statuses: MigrationStatus[]

  constructor(message: string, next: string, statuses: MigrationStatus[]) {
    super(exitCodes.drift, message, next, { details: statuses.map(({ name }) => name) })
    this.statuses = statuses
  }
}

/** @throws DriftError for a changed or missing file, and for a pending migration before an applied one. */
export function refuseDrift(statuses: MigrationStatus[]): void {
  refuse(
    statuses.filter(({ state }) => state === 'changed'),
    'Applied migrations were changed afterwards',
    'Restore the files as they were applied (git checkout), and write a new migration for what should change.',
  )
  refuse(
    statuses.filter(({ state }) => state === 'missing'),
    'Applied migrations have no file',
    'Restore the files, or name the right directory with --dir: without them nothing can be taken back.',
  )
  refuse(
    statuses.filter(({ outOfOrder }) => outOfOrder),
    'Pending migrations come before applied ones',
    'Give them a later number (rename the files), so that every database runs them in the same order.',
  )
}

function refuse(statuses: MigrationStatus[], problem: string, next: string): void {
  if (statuses.length === 0) return
  throw new DriftError(`${problem}: ${shortList(statuses.map(({ name }) => name))}.`, next, statuses)
}
