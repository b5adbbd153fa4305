import { dropConcurrently } from '../../operations/recreateIndex.ts'
import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { listIndexesBeingBuilt } from '../../catalog/indexBuilds.ts'
import type { DefinedIndex } from '../../catalog/indexDefinitions.ts'
import { defineIndexes } from '../../catalog/indexDefinitions.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import { byTable } from '../../catalog/byTable.ts'
import { measured, runbook } from '../remedies.ts'
import type { Remedy, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessLocked } from '../unlessLocked.ts'

/**
 * Indexes that a failed concurrent build left behind. The planner ignores them, every write still maintains them, and
 * `CREATE INDEX IF NOT EXISTS` accepts them as built.
 *
 * ```sql
 * CREATE INDEX CONCURRENTLY a_b_idx ON a (b);  -- before: cancelled; a_b_idx stays behind, invalid
 * REINDEX INDEX CONCURRENTLY a_b_idx;          -- after: valid
 * ```
 *
 * The fix is a runbook and not a migration: no `down` should make an index invalid again.
 */
export const invalidIndex: Rule = {
  name: 'invalid_index',
  finds: 'indexes that a failed concurrent build left behind',
  cure: 'building them again, or dropping them',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const indexes = await context.read(listIndexes)
    const invalid = indexes.filter(({ isValid, schema }) => !isValid && wanted(schema))
    const building = invalid.length > 0 ? await context.read(listIndexesBeingBuilt) : new Set<number>()
    const tables = new Set(invalid.map(({ tableOid }) => tableOid))
    const ofTheirTables = indexes.filter(({ tableOid }) => tables.has(tableOid))
    const defined = await defineIndexes(context.db, ofTheirTables)
    const siblings = byTable([...defined.values()])
    const findings = invalid
      .flatMap(({ oid }) => (building.has(oid) ? [] : (defined.get(oid) ?? [])))
      .map((index) => ({
        level: 'warn' as const,
        subject: [index.schema, index.name],
        detail: index.isPartitioned
          ? `Index ${display(index)} is invalid: not every partition has an index attached to it.`
          : `Index ${display(index)} is invalid: no query uses it, and every write maintains it.`,
        evidence: [
          measured('definition', index.definition),
          measured('size', index.sizeBytes, 'bytes'),
          ...(index.protectedBecause === null ? [] : [measured('needed because', index.protectedBecause)]),
        ],
        remedy: cureOf(index, siblings.get(index.tableOid) ?? []),
      }))
    return unlessLocked(context, findings)
  },
}

function cureOf(index: DefinedIndex, siblings: DefinedIndex[]): Remedy {
  const name = displayIdentifier(index.name)
  if (index.isPartitioned) {
    return runbook(
      `Attach the missing indexes of partitions to ${name}`,
      `SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = '${qualified(index.table).replaceAll("'", "''")}'::regclass; -- the partitions`,
      'For each partition P without such an index: CREATE INDEX CONCURRENTLY P_idx ON P (the same columns);',
      `ALTER INDEX ${qualified(index)} ATTACH PARTITION P_idx;`,
    )
  }
  const twin = siblings.find(
    (other) =>
      other.isValid && other.isUnique === index.isUnique && withoutName(other) === withoutName(index),
  )
  if (index.protectedBecause !== null && !index.isUnique) return rebuild(index)
  const leftOver = /_cc(new|old)\d*$/.test(index.name)
  if (twin || leftOver) {
    return runbook(
      `Drop ${name}`,
      twin
        ? `${display(twin)} is the same index, and valid.`
        : 'A failed REINDEX CONCURRENTLY left it behind; the index that it should replace is still there.',
      `${dropConcurrently(index)};`,
    )
  }
  return rebuild(index)
}

function rebuild(index: DefinedIndex): Remedy {
  return runbook(
    `Build ${displayIdentifier(index.name)} again`,
    ...(index.isUnique
      ? ['A unique index cannot be built over duplicate values: find and correct them first.']
      : []),
    `REINDEX INDEX CONCURRENTLY ${qualified(index)}; -- needs as much free space as the index, blocks nobody`,
    ...(index.protectedBecause === null || index.protectedBecause === 'it keeps values unique'
      ? [`Or, where nobody needs it: ${dropConcurrently(index)};`]
      : []),
  )
}

function withoutName({ definition }: DefinedIndex): string {
  return definition.slice(definition.indexOf(' ON '))
}
