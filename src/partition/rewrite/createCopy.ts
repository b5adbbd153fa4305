import { strategyOf } from '../../catalog/partitions.ts'
import { tableIsAbsent } from '../../conditions/tables.ts'
import type { KeptParts } from '../../conditions/wholeTables.ts'
import { tableKeeps } from '../../conditions/wholeTables.ts'
import { dollarQuote } from '../../postgres/dollarQuote.ts'
import type { Operation } from '../../operations/operation.ts'
import { condition, work } from '../../operations/operation.ts'
import { operationTitle } from '../../operations/titles.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { addUniqueWith } from '../editSql.ts'
import { createLeaf, revokeOnLeaves } from '../leaves.ts'
import { lockPolitely } from '../lockPolitely.ts'
import { literal, revokeAll, setColumns, setReplicaIdentity } from '../remake.ts'
import type { CopySubject } from './copySubject.ts'
import {
  createMirrorFunctions,
  createMirrorTriggers,
  dropMirrorFunctions,
  dropMirrorTriggers,
} from './mirror.ts'

/**
 * Makes the partitioned copy, empty and closed to everybody, and the triggers that write every change of the table into
 * it from then on. Indexes that are not unique and foreign keys follow once the rows are there.
 *
 * ```sql
 * CREATE TABLE bookings_copy (LIKE bookings ...) PARTITION BY RANGE (booking_date);
 * CREATE TABLE bookings_2026_12 PARTITION OF bookings_copy FOR VALUES FROM ('2026-12-01') TO ('2027-01-01');
 * CREATE TRIGGER " hundredfold mirror" AFTER INSERT OR UPDATE OR DELETE ON bookings ...;
 * ```
 */
export async function createCopy(subject: CopySubject, digests: KeptParts): Promise<Operation> {
  const { table, key, copy, partitions } = subject
  const name = { schema: table.schema, name: table.name }
  return {
    ...work('partitionTable', 'copy', name, key, ...partitions.map(({ bound }) => bound)),
    on: [table.schema, table.name],
    title: operationTitle('create', 'copy', 'of', table.name),
    rule: 'partition_candidate',
    why:
      `${display(table)} is to be copied into ${partitions.length} partitions by ${strategyOf(subject.split)} of ${key}. This makes the copy, still empty, and ` +
      'triggers that write each change of the table into the copy too. Nobody but its owner can read the copy.',
    up: [
      ...(await createEmpty(subject)),
      ...createMirrorFunctions(subject),
      `DO ${dollarQuote(`\n${lockPolitely({ tables: [qualified(table)], mode: 'SHARE ROW EXCLUSIVE' })}\n`)}`,
      ...createMirrorTriggers(subject, 'toCopy'),
    ],
    down: [
      `DO ${dollarQuote(`\n${lockPolitely({ tables: [qualified(table)], mode: 'ACCESS EXCLUSIVE' })}\n`)}`,
      ...dropMirrorTriggers(subject),
      ...dropMirrorFunctions(subject),
      `DROP TABLE ${qualified(copy)}`,
    ],
    before: [condition(tableIsAbsent, copy), condition(tableKeeps, name, digests, key, subject.added)],
    after: [],
  }
}

async function createEmpty(subject: CopySubject): Promise<string[]> {
  const { table, key, copy, partitions, split, uniques } = subject
  const on = qualified(copy)
  const constraints: string[] = []
  for (const { constraint, lacksKey, onCopy } of uniques) {
    const add = { table: on, name: quote(onCopy), definition: constraint.definition }
    constraints.push(
      lacksKey
        ? await addUniqueWith(add, key)
        : `ALTER TABLE ${on} ADD CONSTRAINT ${quote(onCopy)} ${constraint.definition}`,
    )
  }
  return [
    `CREATE TABLE ${on} (LIKE ${qualified(table)} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED ` +
      `INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS) PARTITION BY ${strategyOf(split).toUpperCase()} (${quote(key)})`,
    `ALTER TABLE ${on} OWNER TO ${quote(table.owner)}`,
    `ALTER TABLE ${on} ENABLE ROW LEVEL SECURITY`,
    ...setColumns(copy, table),
    ...setReplicaIdentity(copy, table),
    ...constraints,
    ...partitions.flatMap(({ leaf, bound }) => createLeaf(subject, copy, { leaf, values: bound })),
    revokeAll(`${literal(on)}::pg_catalog.regclass`),
    revokeOnLeaves(copy),
  ]
}
