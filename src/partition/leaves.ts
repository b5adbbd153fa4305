import { createHash } from 'node:crypto'
import type { RelationName } from '../postgres/identifiers.ts'
import { maxIdentifierBytes, qualified, quote } from '../postgres/identifiers.ts'
import { later, literalOf, suffixOf } from './intervals.ts'
import { revokeAll, setColumns, setReplicaIdentity } from './remake.ts'
import type { HistorySubject, Subject } from './subject.ts'

/** Makes the partitions beyond the cutoff, and the one for whatever fits no other. */
export function createLeaves(subject: HistorySubject): string[] {
  const { table, every, cutoff, ahead, keyType, defaultPartition } = subject
  const ranges = Array.from({ length: ahead }, (_, at) => {
    const [from, to] = [later(every, cutoff, at), later(every, cutoff, at + 1)]
    return {
      leaf: leafName(table, suffixOf(every, from)),
      values: `FOR VALUES FROM (${literalOf(keyType, from)}) TO (${literalOf(keyType, to)})`,
    }
  })
  return [...ranges, { leaf: defaultPartition, values: 'DEFAULT' }].flatMap((each) =>
    createLeaf(subject, table, each),
  )
}

/** @param values `FOR VALUES FROM ... TO ...`, or `DEFAULT` */
export function createLeaf(
  subject: Subject,
  parent: RelationName,
  { leaf, values }: { leaf: RelationName; values: string },
): string[] {
  return [
    `CREATE TABLE ${qualified(leaf)} PARTITION OF ${qualified(parent)} ${values}${storageOf(subject)}`,
    ...settleLeaf(subject, leaf),
  ]
}

function leafName(table: RelationName, suffix: string): RelationName {
  return { schema: table.schema, name: `${leafBase(table)}_${suffix}` }
}

/**
 * The beginning of a partition's name; the longest end is eleven characters. What has to be cut gets a hash, so that two
 * tables whose names differ only at their ends have partitions of different names.
 */
export function leafBase({ schema, name }: RelationName): string {
  const room = maxIdentifierBytes - '_2026_12_05'.length
  if (Buffer.byteLength(name) <= room) return name
  const hash = `_${createHash('md5')
    .update(JSON.stringify([schema, name]))
    .digest('hex')
    .slice(0, 6)}`
  let base = name
  while (Buffer.byteLength(base + hash) > room) base = Array.from(base).slice(0, -1).join('')
  return base + hash
}

/** What belongs to a partition alone: row-level security, so that nobody reads it past the policies of its parent. */
export function settleLeaf({ table }: Subject, leaf: RelationName): string[] {
  return [
    `ALTER TABLE ${qualified(leaf)} OWNER TO ${quote(table.owner)}`,
    ...closeLeaf(leaf),
    ...setColumns(leaf, table),
    ...setReplicaIdentity(leaf, table),
  ]
}

export function closeLeaf(leaf: RelationName): string[] {
  return [`ALTER TABLE ${qualified(leaf)} ENABLE ROW LEVEL SECURITY`]
}

/** Takes all privileges on partitions away: clients read them through their parent, which needs none. */
export function revokeOnLeaves(table: RelationName): string {
  return revokeAll(
    `SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = '${qualified(table).replaceAll("'", "''")}'::pg_catalog.regclass`,
  )
}

export function storageOf({ table }: Pick<Subject, 'table'>): string {
  const { storageParameters, tablespace } = table
  const list = storageParameters.length === 0 ? '' : ` WITH (${storageParameters.join(', ')})`
  return `${list}${tablespace === null ? '' : ` TABLESPACE ${quote(tablespace)}`}`
}
