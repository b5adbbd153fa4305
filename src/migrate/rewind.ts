import { messageOf } from '../errors.ts'
import type { LedgerRow } from './ledger.ts'
import type { Migration } from './migration.ts'
import type { Stage } from './rehearsal.ts'
import { runInShadow } from './rehearsal.ts'

/**
 * Takes the applied migrations back in the shadow, newest first, so that the stage stands before the first
 * one. A `down` that fails there is told by migration, and the ones below it are tried all the same.
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
    if (!migration || row.adopted) continue
    try {
      await runInShadow(stage, migration, 'down')
    } catch (error) {
      failed.set(row.name, `its down failed in the shadow: ${messageOf(error)}`)
    }
  }
  stage.fingerprint = await stage.look()
  return failed
}
