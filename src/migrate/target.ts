import { UsageError } from '../errors.ts'
import type { MigrationStatus } from './history.ts'
import type { LedgerRow } from './ledger.ts'
import type { Migration } from './migration.ts'

/** How far a command goes: a number of migrations, or up to and including a named one. */
export interface Target {
  count?: number
  to?: string
}

/**
 * The migrations that `up` runs, in order: those that are pending or interrupted, up to the target. One that was taken
 * back for its effect is left out, unless it is the target.
 */
export function selectPending(
  migrations: Migration[],
  statuses: MigrationStatus[],
  { count = Infinity, to }: Target,
): Migration[] {
  const open = new Set(
    statuses.filter(({ state }) => state === 'pending' || state === 'interrupted').map(({ name }) => name),
  )
  const takenBack = new Set(statuses.filter((each) => each.takenBack).map(({ name }) => name))
  const last = to === undefined ? migrations.length - 1 : findByName(migrations, to)
  return migrations
    .slice(0, last + 1)
    .filter(({ name }, at) => open.has(name) && (!takenBack.has(name) || (to !== undefined && at === last)))
    .slice(0, count)
}

/**
 * The applied migrations that `down` takes back, newest first: one by default, or all of them down to and including a
 * named one.
 */
export function selectApplied(
  migrations: Migration[],
  ledger: LedgerRow[],
  { count, to }: Target,
): { migration: Migration; row: LedgerRow }[] {
  const files = new Map(migrations.map((migration) => [migration.name, migration]))
  const newestFirst = ledger.toReversed().flatMap((row) => {
    const migration = files.get(row.name)
    return migration && row.state !== 'takenBack' ? [{ migration, row }] : []
  })
  if (to === undefined) return newestFirst.slice(0, count ?? 1)
  const named = migrations[findByName(migrations, to)]
  // It is taken back already: after a fault, a repeated run has nothing left to do.
  if (!newestFirst.some(({ migration }) => migration === named)) return []
  const index = findByName(
    newestFirst.map(({ migration }) => migration),
    to,
  )
  return newestFirst.slice(0, Math.min(index + 1, count ?? Infinity))
}

/** Accepts the whole name, its number, or what follows the number. */
function findByName(migrations: Migration[], wanted: string): number {
  const name = wanted.replace(/\.\w+$/, '')
  const index = migrations.findIndex(
    (migration) =>
      migration.name === name || migration.name.slice(0, 17) === name || migration.name.slice(18) === name,
  )
  if (index >= 0) return index
  throw new UsageError(`No migration is called ${wanted}.`, 'See `migrate status` for the names.')
}
