import { messageOf } from '../errors.ts'
import type { LedgerRow } from './ledger.ts'
import type { Migration } from './migration.ts'
import type { Stage } from './rehearsal.ts'
import { runInShadow } from './rehearsal.ts'

/**
 * Takes the applied migrations back in the shadow, newest first, so that none is applied there. A `down` that fails is
 * returned under its migration's name, and the older ones are still tried.
 */
export async function rewind(
  stage: Stage,
  migrations: Migration[],
  ledger: LedgerRow[],
): Promise<Map<string, string>> {
  const failed = new Map<string, string>()
  const files = new Map(migrations.map((migration) => [migration.name, migration]))
  for (const row of ledger.toReversed()) {
    const migration = files.get(row.name)
    if (!migration || row.adopted || row.state === 'takenBack') continue
    try {
      await runInShadow(stage, migration, 'down')
    } catch (error) {
      failed.set(row.name, `its down failed in the shadow: ${messageOf(error)}`)
    }
  }
  stage.fingerprint = await stage.look()
  return failed
}
