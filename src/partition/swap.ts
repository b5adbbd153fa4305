import { dollarQuote } from '../postgres/dollarQuote.ts'
import type { KeptParts } from '../conditions/wholeTables.ts'
import { tableIsPartitionedBy, tableKeeps, tableStillKeeps } from '../conditions/wholeTables.ts'
import type { Operation } from '../operations/operation.ts'
import { condition, work } from '../operations/operation.ts'
import { commentOn } from '../operations/comment.ts'
import { operationTitle } from '../operations/titles.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import type { WholeStatistics } from '../catalog/wholeTable.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import { addUniqueWith } from './editSql.ts'
import { literalOf } from './intervals.ts'
import { closeLeaf, createLeaves, revokeOnLeaves } from './leaves.ts'
import { lockPolitely } from './lockPolitely.ts'
import {
  createPolicies,
  dropRowFunctions,
  grantAll,
  literal,
  pointDependents,
  republish,
  revokeAll,
  setColumns,
  setReplicaIdentity,
} from './remake.ts'
import { keyWithKey, otherKeys, ownKeysOfLeaves } from './ownKeys.ts'
import { moveSequences } from './sequences.ts'
import type { HistorySubject, Subject } from './subject.ts'
import { createTriggers, dropTriggers } from './triggers.ts'
import { unpartition } from './unpartition.ts'

/**
 * The short transaction in which a partitioned table takes the place of the old one, which becomes its first partition.
 * No row moves. `down` makes it the table again, with the new partitions as its children by inheritance.
 */
export async function swap(subject: HistorySubject, digests: KeptParts, indexes: string): Promise<Operation> {
  const { table, key, cutoff, keyType } = subject
  // On the way back these wait until the rows are in one table again.
  const {
    triggers = '',
    'keys of other tables': keysIn = '',
    'materialized views': materialized = '',
    ...kept
  } = digests
  const later = { triggers, 'keys of other tables': keysIn }
  const detours = subject.materializedViews.flatMap(({ detour }) => detour ?? [])
  const name = { schema: table.schema, name: table.name }
  return {
    ...work('partitionTable', 'swap', name, key, cutoff.toISOString()),
    on: [table.schema, table.name],
    title: operationTitle('partition', table.name, 'by', key),
    rule: 'partition_candidate',
    why:
      `${display(table)} becomes a partitioned table; its rows, all below ${literalOf(keyType, cutoff)}, stay in place as ` +
      `the partition ${display(subject.history)}. Policies, privileges, triggers, keys, views and publications are made ` +
      'again on the new table, and the conditions compare them with what was there when this file was written.',
    up: await partition(subject),
    down: await unpartition(subject),
    before: [
      condition(tableKeeps, name, kept, key, [...subject.added, ...detours]),
      condition(
        tableStillKeeps,
        name,
        { ...later, indexes, 'materialized views': materialized },
        key,
        subject.added,
      ),
    ],
    after: [
      condition(tableIsPartitionedBy, name, key),
      condition(tableKeeps, name, { ...kept, ...later }, key, [...subject.added, ...detours]),
    ],
  }
}

/** The tables that the swap changes, locked all at once: where one is busy, nothing is held meanwhile. */
export function lockAll({ table, children }: Subject, also: readonly RelationName[] = []): string {
  const readers = table.readers.map(({ table: reader }) => reader)
  const names = new Set([table, ...children.map(({ key }) => key.table), ...readers, ...also].map(qualified))
  const referenced = new Set(
    table.constraints.flatMap(({ references }) => (references ? [qualified(references)] : [])),
  )
  const lock = lockPolitely({
    tables: [...names],
    mode: 'ACCESS EXCLUSIVE',
    views: table.views.map((view) => ({ name: qualified(view), owner: quote(view.owner) })),
    referenced: [...referenced].filter((each) => !names.has(each)),
  })
  return `DO ${dollarQuote(`\n${lock}\n`)}`
}

async function partition(subject: HistorySubject): Promise<string[]> {
  const { table, key, history, cutoff, keyType, bound, children } = subject
  const parent = qualified(table)
  const old = qualified(history)
  return [
    lockAll(subject),
    ...dropRowFunctions(table),
    ...children.map(
      ({ key: foreign }) => `ALTER TABLE ${qualified(foreign.table)} DROP CONSTRAINT ${quote(foreign.name)}`,
    ),
    ...dropTriggers(table, [...table.triggers, ...children.map(({ followTrigger: name }) => ({ name }))]),
    `ALTER TABLE ${parent} RENAME TO ${quote(history.name)}`,
    ...makeWay(subject),
    `CREATE TABLE ${parent} (LIKE ${old} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED ` +
      `INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS) PARTITION BY RANGE (${quote(key)})`,
    `ALTER TABLE ${parent} OWNER TO ${quote(table.owner)}`,
    `ALTER TABLE ${parent} DROP CONSTRAINT ${quote(bound)}`,
    ...moveSequences(subject),
    ...setColumns(table, table),
    ...setReplicaIdentity(table, table),
    ...(await constraintsAndIndexes(subject)),
    ...createStatistics(table.statistics),
    `ALTER TABLE ${parent} ATTACH PARTITION ${old} FOR VALUES FROM (MINVALUE) TO (${literalOf(keyType, cutoff)})`,
    `ALTER TABLE ${old} DROP CONSTRAINT ${quote(bound)}`,
    ...closeLeaf(history),
    ...createLeaves(subject),
    ...createPolicies(table, table),
    revokeAll(`${literal(parent)}::pg_catalog.regclass`),
    ...grantAll(table, table),
    revokeOnLeaves(table),
    ...(await createTriggers(table, table.triggers)),
    ...keysToPartitions(subject),
    ...ownKeysOfLeaves(subject),
    ...pointDependents(table),
    ...republish(table.publications, { from: history, to: table }, () => true),
    ...commentOn(`TABLE ${parent}`, table.comment),
  ]
}

/** The old table's indexes and constraints give up their names; where a unique one lacks the key, the prepared one takes over. */
function makeWay({ history, renamed, unique }: Subject): string[] {
  const alter = `ALTER TABLE ${qualified(history)}`
  return [
    ...rename(renamed.constraints, (from, to) => `${alter} RENAME CONSTRAINT ${quote(from)} TO ${quote(to)}`),
    ...rename(
      renamed.indexes,
      (from, to) => `ALTER INDEX ${qualified({ ...history, name: from })} RENAME TO ${quote(to)}`,
    ),
    ...rename(
      renamed.statistics,
      (from, to) => `ALTER STATISTICS ${qualified({ ...history, name: from })} RENAME TO ${quote(to)}`,
    ),
    ...unique.flatMap(({ constraint, prepared }) => [
      ...(constraint.kind === 'p' ? [`${alter} DROP CONSTRAINT ${quote(constraint.name)}`] : []),
      `${alter} ADD CONSTRAINT ${quote(prepared)} ${constraint.kind === 'p' ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${quote(prepared)}`,
    ]),
  ]
}

export function rename(
  names: ReadonlyMap<string, string>,
  write: (from: string, to: string) => string,
): string[] {
  return Array.from(names, ([from, to]) => write(from, to))
}

/** On the new table, which is empty: attaching the old one then finds its own that are equal, and builds nothing. */
async function constraintsAndIndexes({ table, key, unique }: Subject): Promise<string[]> {
  const on = qualified(table)
  const lacking = new Set(unique.map(({ constraint }) => constraint.name))
  const statements: string[] = []
  const own = new Set(table.keysIn.flatMap((foreign) => (isSame(foreign.table, table) ? [foreign.name] : [])))
  for (const { name, kind, definition, comment } of table.constraints) {
    if (kind === 'c' || own.has(name)) continue
    const plain = `ALTER TABLE ${on} ADD CONSTRAINT ${quote(name)} ${definition}`
    const add = { table: on, name: quote(name), definition }
    statements.push(lacking.has(name) ? await addUniqueWith(add, key) : plain)
    statements.push(...commentOn(`CONSTRAINT ${quote(name)} ON ${on}`, comment))
  }
  for (const { name, definition, comment, isOfConstraint, isUnique, keys } of table.indexes) {
    if (isOfConstraint || (isUnique && !keys.includes(key))) continue
    statements.push(withoutArrayCasts(definition))
    statements.push(...commentOn(`INDEX ${qualified({ schema: table.schema, name })}`, comment))
  }
  return statements
}

export function createStatistics(statistics: readonly WholeStatistics[]): string[] {
  return statistics.flatMap(({ definition, comment, ...name }) => [
    withoutArrayCasts(definition),
    ...commentOn(`STATISTICS ${qualified(name)}`, comment),
  ])
}

/** The foreign keys come back with the key in them, unvalidated: the next migration validates them without a strong lock. */
export function keysToPartitions(subject: Subject): string[] {
  return otherKeys(subject).flatMap((child) => {
    const { table, name, comment } = child.key
    const on = qualified(table)
    return [
      `ALTER TABLE ${on} ADD CONSTRAINT ${quote(name)} ${keyWithKey(subject, child)} NOT VALID`,
      ...commentOn(`CONSTRAINT ${quote(name)} ON ${on}`, comment),
    ]
  })
}

function isSame(one: RelationName, other: RelationName): boolean {
  return one.schema === other.schema && one.name === other.name
}
