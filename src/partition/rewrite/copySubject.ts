import type { WholeIndex } from '../../catalog/wholeIndexes.ts'
import type { WholeConstraint, WholeTable } from '../../catalog/wholeTable.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { claimIdentifier, fitIdentifier } from '../../postgres/identifiers.ts'
import type { MirrorKey } from '../../conditions/mirrors.ts'
import type { Every } from '../intervals.ts'
import { beginOf, later, suffixOf } from '../intervals.ts'
import { lackingKey } from '../keys.ts'
import type { Subject, SubjectRequest } from '../subject.ts'
import { nameSubject } from '../subject.ts'

/** A table that is to be copied into partitions, with the names that its series gives. */
export interface CopySubject extends Subject {
  /** The partitioned copy, until it takes the table's name. */
  copy: RelationName
  /** The old table, once the copy has its name. */
  before: RelationName
  primaryKey: string[]
  /** A partition for each interval from the first row on. */
  partitions: CopyPartition[]
  /** Primary key and unique constraints, all of which contain the key on the copy. */
  uniques: CopiedUnique[]
  /** Other indexes, each with its name on the copy and on each of its partitions. */
  indexes: CopiedIndex[]
  mirror: MirrorNames
}

export interface CopyPartition {
  leaf: RelationName
  from: Date
  to: Date
}

export interface CopiedUnique {
  constraint: WholeConstraint
  lacksKey: boolean
  onCopy: string
}

export interface CopiedIndex {
  index: WholeIndex
  onCopy: string
  /** By the name of the partition. */
  onLeaves: Map<string, string>
}

/** The triggers have the same names on the old table and on the new one. */
export interface MirrorNames {
  trigger: string
  truncate: string
  toCopy: string
  toBefore: string
}

/** More of them would take long to plan and to lock. */
export const mostPartitions = 1_000

/** What holds the rows of the copy: from the first row to so many intervals beyond the last one, or beyond now. */
export function partitionBounds(
  every: Every,
  { first, last, now, ahead }: { first: Date | undefined; last: Date | undefined; now: Date; ahead: number },
): { from: Date; to: Date }[] {
  const highest = last && last > now ? last : now
  const end = later(every, beginOf(every, highest), 1 + ahead)
  const bounds: { from: Date; to: Date }[] = []
  for (let from = beginOf(every, first ?? now); from < end && bounds.length <= mostPartitions;) {
    const to = later(every, from, 1)
    bounds.push({ from, to })
    from = to
  }
  return bounds
}

/** Gives every object of a copying series a free name of at most 63 bytes. */
export function nameCopy(
  request: Omit<SubjectRequest, 'cutoff'>,
  bounds: { from: Date; to: Date }[],
): CopySubject {
  const { table, key, every } = request
  const taken = new Set(request.taken.get(table.schema))
  const claim = (suffix: string, name = table.name): string => claimIdentifier(name, suffix, taken)
  const relation = (suffix: string): RelationName => ({ schema: table.schema, name: claim(suffix) })
  const subject = nameSubject({ ...request, cutoff: bounds.at(-1)?.to ?? new Date(0) })
  taken.add(subject.defaultPartition.name)
  const copy = relation('_copy')
  const before = relation('_before')
  const partitions = bounds.map((bound) => ({ ...bound, leaf: relation(`_${suffixOf(every, bound.from)}`) }))
  const leaves = [...partitions.map(({ leaf }) => leaf.name), subject.defaultPartition.name]
  const lacking = lackingKey(table, key)
  const lacks = new Set(lacking.constraints.map(({ name }) => name))
  const renamed: Subject['renamed'] = { constraints: new Map(), indexes: new Map(), statistics: new Map() }
  const uniques: CopiedUnique[] = []
  const indexes: CopiedIndex[] = []
  for (const constraint of table.constraints) {
    if (constraint.kind !== 'p' && constraint.kind !== 'u') continue
    renamed.constraints.set(constraint.name, claim('_before', constraint.name))
    const onCopy = claim('_copy', constraint.name)
    uniques.push({ constraint, lacksKey: lacks.has(constraint.name), onCopy })
  }
  for (const index of table.indexes) {
    if (index.isOfConstraint) continue
    renamed.indexes.set(index.name, claim('_before', index.name))
    if (lacking.indexes.includes(index)) continue
    const words = index.keys.map((column) => column ?? 'expr').join('_')
    const onLeaves = new Map(leaves.map((leaf) => [leaf, claim('_idx', fitIdentifier(`${leaf}_${words}`))]))
    indexes.push({ index, onCopy: claim('_copy', index.name), onLeaves })
  }
  for (const { name } of table.statistics) renamed.statistics.set(name, claim('_before', name))
  return {
    ...{ ...subject, renamed, copy, before, partitions, uniques, indexes },
    primaryKey: table.constraints.find(({ kind }) => kind === 'p')?.columns ?? [],
    mirror: mirrorNames(table),
  }
}

/**
 * The mirror has to see each change before the team's triggers go on and change the row again: triggers fire in the order
 * of their names, in bytes.
 */
export function mirrorNames({ name }: RelationName): MirrorNames {
  return {
    trigger: ' hundredfold mirror',
    truncate: ' hundredfold mirror of truncate',
    toCopy: fitIdentifier(`mirror_${name}`),
    toBefore: fitIdentifier(`mirror_back_${name}`),
  }
}

/** How the proof tells rows apart. */
export function mirrorKey({ key, every, primaryKey }: CopySubject): MirrorKey {
  return { id: primaryKey, key, every }
}

/** Columns that are written; generated ones follow from them. */
export function storedColumns({ columns }: WholeTable): string[] {
  return columns.filter(({ generated }) => generated === '').map(({ name }) => name)
}
