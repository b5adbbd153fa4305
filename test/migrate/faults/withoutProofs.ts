import { loadMigrations } from '../../../src/migrate/loadMigrations.ts'
import type { Migration } from '../../../src/migrate/migration.ts'

/**
 * The migrations of a directory without the conditions on rows that stand before them: they only read, before a
 * migration's first statement, and would be asked again at every one of a thousand boundaries. test/migrations asks them.
 */
export async function loadWithoutProofs(directory: string): Promise<Migration[]> {
  const migrations = await loadMigrations(directory)
  return migrations.map((migration) => {
    const { optimization } = migration
    if (!optimization) return migration
    const before = optimization.before.filter(({ dependsOnData }) => !dependsOnData)
    return { ...migration, optimization: { ...optimization, before } }
  })
}
