import { byTable } from '../catalog/byTable.ts'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import { defineIndexes } from '../catalog/indexDefinitions.ts'
import type { IndexColumn, TableIndex } from '../catalog/indexes.ts'
import { listIndexes } from '../catalog/indexes.ts'
import type { Read } from '../catalog/reader.ts'
import type { Database } from '../postgres/database.ts'

/** Whether the two are the same but for their names: same table, method, columns, order, predicate, uniqueness. */
export function areDuplicates(one: TableIndex, other: TableIndex): boolean {
  return (
    areComparable(one, other) &&
    one.isUnique === other.isUnique &&
    one.takesNullsForEqual === other.takesNullsForEqual &&
    one.predicate === other.predicate &&
    one.keys.length === other.keys.length &&
    one.keys.every((key, at) => isSameColumn(key, other.keys[at]) && isSameOrder(key, other.keys[at])) &&
    sameSet(one.included, other.included)
  )
}

/**
 * Whether `wide` serves every search that `narrow` serves, about as well. The keys of `narrow` are the first keys of
 * `wide`, with equal operator classes, collations and order (or all of them inverted). `wide` also holds the columns
 * that `narrow` includes, and both are on the same rows.
 *
 * A wide index on every row does not replace a narrow one on few of them: `WHERE done = false` finds ten rows in the
 * partial index and reads a million in the other. It does where the narrow one holds most rows, or leaves out those
 * whose own first key is NULL, since a search for a value of `a` finds no NULL.
 */
export function covers(wide: TableIndex, narrow: TableIndex): boolean {
  return (
    findsAllOf(wide, narrow) &&
    (wide.predicate === narrow.predicate ||
      excludesOnlyNulls(narrow) ||
      (narrow.shareOfRows ?? 0) >= mostRows)
  )
}

/** With at least this share, the narrow index spares a search at most half of what it reads in the wide one. */
const mostRows = 0.5

/**
 * The same, however many more rows `wide` has: it finds what `narrow` finds, and only plans show at what cost. The
 * predicates are identical, or `wide` has none.
 */
export function findsAllOf(wide: TableIndex, narrow: TableIndex): boolean {
  if (!areComparable(wide, narrow) || narrow.isUnique || narrow.keys.length > wide.keys.length) return false
  const isBtree = wide.accessMethod === 'btree'
  const sameOrder = narrow.keys.every((key, at) => isSameOrder(key, wide.keys[at]))
  const inverted = isBtree && narrow.keys.every((key, at) => isInverted(key, wide.keys[at]))
  // Only a B-tree returns every key as it was stored.
  const held = [...(isBtree ? wide.keys : []), ...wide.included].map(({ text }) => text)
  return (
    narrow.keys.every((key, at) => isSameColumn(key, wide.keys[at])) &&
    (sameOrder || inverted) &&
    narrow.included.every(({ text }) => held.includes(text)) &&
    (wide.predicate === null || wide.predicate === narrow.predicate) &&
    hasStatisticsOf(wide, narrow)
  )
}

/** Whether as much is known of each expression. The planner reads these statistics even if it never scans the index. */
function hasStatisticsOf(wide: TableIndex, narrow: TableIndex): boolean {
  return Object.entries(narrow.statisticsTargets).every(
    ([column, target]) => (wide.statisticsTargets[column] ?? 0) >= target,
  )
}

/** Storage parameters of a B-tree say how it is kept, those of other methods what it can find. */
function areComparable(one: TableIndex, other: TableIndex): boolean {
  return (
    one.oid !== other.oid &&
    one.tableOid === other.tableOid &&
    one.accessMethod === other.accessMethod &&
    one.isValid &&
    other.isValid &&
    (one.accessMethod === 'btree' ||
      [...one.storageParameters].sort().join() === [...other.storageParameters].sort().join())
  )
}

function isSameColumn(one: IndexColumn, other: IndexColumn | undefined): boolean {
  return one.text === other?.text && one.attnum === other.attnum && one.ordering === other.ordering
}

function isSameOrder(one: IndexColumn, other: IndexColumn | undefined): boolean {
  return one.isDescending === other?.isDescending && one.nullsFirst === other.nullsFirst
}

function isInverted(one: IndexColumn, other: IndexColumn | undefined): boolean {
  return one.isDescending !== other?.isDescending && one.nullsFirst !== other?.nullsFirst
}

function excludesOnlyNulls({ keys, predicate }: TableIndex): boolean {
  return predicate === `(${keys[0]?.text} IS NOT NULL)`
}

function sameSet(one: IndexColumn[], other: IndexColumn[]): boolean {
  const texts = (columns: IndexColumn[]): string => JSON.stringify(columns.map(({ text }) => text).sort())
  return texts(one) === texts(other)
}

/** A spare index and the one that does its work. */
export interface Spare<Index extends TableIndex = TableIndex> {
  index: Index
  coveredBy: Index
}

/** Every spare index that no session locks, read once for several rules. */
export async function readSpares(
  _: Database,
  read: Read,
): Promise<{ duplicates: Spare[]; redundant: Spare[] }> {
  const indexes = await read(listIndexes)
  const duplicates = listDuplicates(indexes)
  return { duplicates, redundant: listRedundant(indexes, duplicates) }
}

/** Spare indexes with the definitions of both; without those that were dropped meanwhile. */
export async function defineSpares(db: Database, spares: readonly Spare[]): Promise<Spare<DefinedIndex>[]> {
  const defined = await defineIndexes(
    db,
    spares.flatMap(({ index, coveredBy }) => [index, coveredBy]),
  )
  return spares.flatMap((spare) => {
    const [index, coveredBy] = [defined.get(spare.index.oid), defined.get(spare.coveredBy.oid)]
    return index && coveredBy ? [{ index, coveredBy }] : []
  })
}

/**
 * Exact duplicates, each with the one of its group that stays: a protected one, else the one with the most statistics of
 * its expressions, else the one that is scanned most, else the one that has the name that PostgreSQL would give it, else
 * the oldest.
 */
export function listDuplicates(indexes: TableIndex[]): Spare[] {
  const spares: Spare[] = []
  for (const ofTable of byTable(indexes).values()) {
    const byWorth = [...ofTable].sort(
      (a, b) =>
        Number(isKept(b)) - Number(isKept(a)) ||
        Number(b.protectedBecause !== null) - Number(a.protectedBecause !== null) ||
        targetsOf(b) - targetsOf(a) ||
        b.scans - a.scans ||
        Number(isNamedByDefault(b)) - Number(isNamedByDefault(a)) ||
        a.oid - b.oid,
    )
    const kept: TableIndex[] = []
    for (const index of byWorth) {
      const coveredBy = kept.find((other) => areDuplicates(index, other) && hasStatisticsOf(other, index))
      if (coveredBy) spares.push({ index, coveredBy })
      else kept.push(index)
    }
  }
  return spares
}

/** `bookings_customer_id_idx`: where the name follows the columns, it says what the index is. */
function isNamedByDefault({ name, table, keys }: TableIndex): boolean {
  return name === [table.name, ...keys.map(({ column, text }) => column?.name ?? text), 'idx'].join('_')
}

function targetsOf({ statisticsTargets }: TableIndex): number {
  return Object.values(statisticsTargets).reduce((sum, target) => sum + target, 0)
}

/** An index that is protected by more than uniqueness must stay. */
function isKept({ protectedBecause, isUnique }: TableIndex): boolean {
  return protectedBecause !== null && !(isUnique && protectedBecause === 'it keeps values unique')
}

/**
 * Indexes that a wider one makes redundant, each with a wider one that stays. Of two that can replace each other (`a`
 * and `a DESC`) the older stays. Duplicates are left out.
 */
export function listRedundant(indexes: TableIndex[], known = listDuplicates(indexes)): Spare[] {
  const duplicates = new Set(known.map(({ index }) => index.oid))
  const spares: Spare[] = []
  for (const ofTable of byTable(indexes.filter(({ oid }) => !duplicates.has(oid))).values()) {
    const staying = new Set(ofTable)
    for (const index of ofTable.toReversed()) {
      if (index.protectedBecause !== null) continue
      const coveredBy = [...staying]
        .filter((other) => covers(other, index))
        .filter(
          (other) => !(covers(index, other) && other.oid > index.oid && other.protectedBecause === null),
        )
        .sort((a, b) => a.keys.length - b.keys.length || a.sizeBytes - b.sizeBytes)[0]
      if (!coveredBy) continue
      staying.delete(index)
      spares.push({ index, coveredBy })
    }
  }
  // The covering index may be covered itself.
  const coverOf = new Map(spares.map((spare) => [spare.index.oid, spare.coveredBy]))
  return spares.map(({ index, coveredBy }) => {
    let last = coveredBy
    for (let next = coverOf.get(last.oid); next; next = coverOf.get(last.oid)) last = next
    return { index, coveredBy: last }
  })
}
