import type { Migration } from '../../src/migrate/migration.ts'

/**
 * Migrations without the conditions on rows that stand before them: they only read, before a migration's first
 * statement, and would be asked again at every one of a thousand boundaries, or of the same rows that have answered already.
 */
export function withoutProofs(migrations: Migration[]): Migration[] {
  return migrations.map((migration) => {
    const { optimization } = migration
    if (!optimization) return migration
    const before = optimization.before.filter(({ dependsOnData }) => !dependsOnData)
    return { ...migration, optimization: { ...optimization, before } }
  })
}
