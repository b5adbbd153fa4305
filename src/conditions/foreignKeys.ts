import { differencesOf, tieTheSameColumns } from '../catalog/foreignKeyDifferences.ts'
import { defineConstraints, findForeignKeysOf } from '../catalog/foreignKeyDetails.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/**
 * Holds when the table has both foreign keys, the first one with exactly this definition, as `pg_get_constraintdef` prints
 * it with an empty `search_path`, and they differ in nothing but their names and comments: one of them can be dropped.
 */
export function foreignKeysAreAlike(
  table: RelationName,
  key: string,
  other: string,
  definition: string,
): Condition {
  const both = `foreign keys ${displayIdentifier(key)} and ${displayIdentifier(other)}`
  return {
    description: `${both} of ${display(table)} are alike`,
    async check(db) {
      const found = await findForeignKeysOf(db, table)
      const [one, two] = [key, other].map((name) => found.find((each) => each.name === name))
      if (!one || !two) {
        return fails('both foreign keys', `no foreign key ${displayIdentifier(one ? other : key)}`)
      }
      const actual = (await defineConstraints(db, [one.oid])).get(one.oid)
      if (actual !== definition) return fails(definition, actual ?? 'a table that another session locks')
      if (!tieTheSameColumns(one, two)) return fails(`${both} on the same columns`, 'others')
      const differences = differencesOf(one, two)
      return differences.length === 0
        ? holds
        : fails(`${both} to do the same`, `they differ in ${differences.join(', ')}`)
    },
  }
}
