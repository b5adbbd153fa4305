import { createHash } from 'node:crypto'
import type { PartitionStrategy } from '../catalog/partitions.ts'
import { findPartitionKey } from '../catalog/partitions.ts'
import type { WholeMaterializedView } from '../catalog/materializedViews.ts'
import { findTableVersion } from '../catalog/tableVersion.ts'
import type { WholeTable } from '../catalog/wholeTable.ts'
import { findWholeTable } from '../catalog/wholeTable.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { shortList } from '../shortList.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** What a table keeps when it is partitioned, each part as a short hash: `{ policies: '5f1c...', grants: ... }`. */
export type KeptParts = Record<string, string>

/**
 * Holds when everything that hangs on the table is as it was when the digests were taken: columns, policies, privileges,
 * triggers, checks, keys, views and policies that read it, functions, publications, sequences, statistics, comments.
 *
 * @param key the column by which it is or will be partitioned: whether that may be NULL does not count
 * @param except constraints, columns, triggers and views that do not count
 */
export function tableKeeps(
  table: RelationName,
  digests: KeptParts,
  key: string,
  except: string[] = [],
): Condition {
  // While nobody waits for the table all of it is read; under its lock only whether that was changed since.
  let held: string | undefined
  return {
    description: `everything on ${display(table)} is as when this was written`,
    againUnderLock: true,
    async check(db) {
      const version = await findTableVersion(db, table)
      if (version !== undefined && version === held) return holds
      const found = await findWholeTable(db, table)
      if (!found) return fails('a table', 'no such table')
      const now = keptParts(found, key, except)
      const changed = Object.keys(digests).filter((part) => now[part] !== digests[part])
      if (changed.length === 0) {
        held = version
        return holds
      }
      return fails('what was there when this was written', `other ${shortList(changed)}`)
    },
  }
}

/**
 * The same, for parts that the way back leaves to a later step, and only on the way up.
 */
export function tableStillKeeps(
  table: RelationName,
  digests: KeptParts,
  key: string,
  except: string[] = [],
): Condition {
  return { ...tableKeeps(table, digests, key, except), dependsOnData: true }
}

/** Holds when the table is partitioned by this column alone. */
export function tableIsPartitionedBy(
  table: RelationName,
  column: string,
  strategy: PartitionStrategy = 'range',
): Condition {
  const wanted = `partitioned by ${strategy} of ${displayIdentifier(column)}`
  return {
    description: `table ${display(table)} is ${wanted}`,
    async check(db) {
      const key = await findPartitionKey(db, table)
      if (key?.strategy === strategy && key.columns.length === 1 && key.columns[0] === column) return holds
      return fails(`a table ${wanted}`, key ? 'another key' : 'no partitioned table')
    },
  }
}

/** The parts of a table that are compared, and a hash of each. */
export function keptParts(table: WholeTable, key: string, except: string[] = []): KeptParts {
  const counts = ({ name }: { name: string }): boolean => !except.includes(name)
  const isOwn = (other: RelationName | null): boolean =>
    other?.schema === table.schema && other.name === table.name
  const constraints = table.constraints.filter(counts)
  const parts: Record<string, unknown> = {
    table: [table.owner, table.comment, table.rowSecurity, table.forcesRowSecurity],
    columns: table.columns
      .filter(counts)
      .map((column) => (column.name === key ? { ...column, notNull: true } : column)),
    checks: constraints.filter(({ kind }) => kind === 'c').map(withoutOid),
    'foreign keys': constraints
      .filter(({ kind, references }) => kind === 'f' && !isOwn(references))
      .map(withoutOid),
    'keys of other tables': table.keysIn
      .filter(({ table: from }) => !isOwn(from))
      .map(({ table: from, name, onDelete }) => [from, name, onDelete]),
    // Unique ones change with the key.
    indexes: table.indexes
      .filter(({ isUnique, isOfConstraint }) => !isUnique && !isOfConstraint)
      .map(({ name, definition, comment }) => [name, definition, comment]),
    triggers: table.triggers.filter(counts),
    policies: table.policies,
    privileges: table.grants,
    publications: table.publications.map(({ name, namesTable, columns, filter }) => [
      name,
      namesTable,
      columns,
      filter,
    ]),
    views: table.views.filter(counts),
    'materialized views': table.materializedViews.map(asKept),
    'policies of other tables': table.readers,
    functions: table.functions,
    statistics: table.statistics,
    sequences: table.sequences,
  }
  return Object.fromEntries(Object.entries(parts).map(([part, value]) => [part, digest(value)]))
}

/** Without what depends on who asks, and what another one in its place would not have. */
function asKept({ oid, may, indexes, ...view }: WholeMaterializedView): unknown {
  void oid
  void may
  return { ...view, indexes: indexes.map(withoutOid) }
}

function withoutOid<T extends { oid: number }>({ oid, ...rest }: T): Omit<T, 'oid'> {
  void oid
  return rest
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12)
}
