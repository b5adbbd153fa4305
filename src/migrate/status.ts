import type { ClientBase } from 'pg'
import type { MigrationStatus } from './history.ts'
import { compareHistory } from './history.ts'
import type { Migration } from './migration.ts'
import { readHistory } from './readHistory.ts'

/** The state of every migration. Reads the ledger and writes nothing. */
export async function status(migrations: Migration[], client: ClientBase): Promise<MigrationStatus[]> {
  return compareHistory(migrations, (await readHistory(client, migrations)).rows)
}

/** Whether files and ledger disagree, so that `up` and `down` would refuse to run. */
export function hasDrift(statuses: MigrationStatus[]): boolean {
  return statuses.some(({ state, outOfOrder }) => state === 'changed' || state === 'missing' || outOfOrder)
}
