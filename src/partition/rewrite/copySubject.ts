import type { WholeIndex } from '../../catalog/wholeIndexes.ts'
import type { WholeConstraint, WholeTable } from '../../catalog/wholeTable.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { claimIdentifier, fitIdentifier } from '../../postgres/identifiers.ts'
import type { MirrorKey } from '../../conditions/mirrors.ts'
import { tableIsPartitionedBy } from '../../conditions/wholeTables.ts'
import type { ConditionCall } from '../../operations/operation.ts'
import { condition } from '../../operations/operation.ts'
import type { Split } from '../../catalog/partitions.ts'
import { strategyOf } from '../../catalog/partitions.ts'
import { isKeyType } from '../intervals.ts'
import { lackingKey } from '../keys.ts'
import type { RangeSubject, Subject, SubjectRequest } from '../subject.ts'
import { nameSubject } from '../subject.ts'
import type { PartitionBound } from './bounds.ts'
import { rest } from './bounds.ts'

/** A table that is to be copied into partitions, with the names that its series gives. */
export interface CopySubject extends Subject {
  /** The partitioned copy, until it takes the table's name. */
  copy: RelationName
  /** The old table, once the copy has its name. */
  before: RelationName
  primaryKey: string[]
  split: Split
  partitions: CopyPartition[]
  /** Equal values of the key are the same values: not so of numeric, where 1.0 = 1.00. */
  isKeyExact: boolean
  /** Primary key and unique constraints, all of which contain the key on the copy. */
  uniques: CopiedUnique[]
  /** Other indexes, each with its name on the copy and on each of its partitions. */
  indexes: CopiedIndex[]
  mirror: MirrorNames
}

export interface CopyPartition {
  leaf: RelationName
  /** `FOR VALUES ...` or `DEFAULT`. */
  bound: string
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

/** Gives every object of a copying series a free name of at most 63 bytes. */
export function nameCopy(
  request: SubjectRequest & { split: Split; isKeyExact: boolean },
  bounds: readonly PartitionBound[],
): CopySubject {
  const { table, key, split, isKeyExact } = request
  const taken = new Set(request.taken.get(table.schema))
  const claim = (suffix: string, name = table.name): string => claimIdentifier(name, suffix, taken)
  const relation = (suffix: string): RelationName => ({ schema: table.schema, name: claim(suffix) })
  const subject = nameSubject(request)
  taken.add(subject.defaultPartition.name)
  const copy = relation('_copy')
  const before = relation('_before')
  const partitions = bounds.map((each) => ({
    leaf: each === rest ? subject.defaultPartition : relation(`_${each.suffix}`),
    bound: each.bound,
  }))
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
    const onLeaves = new Map(
      partitions.map(({ leaf: { name } }) => [name, claim('_idx', fitIdentifier(`${name}_${words}`))]),
    )
    indexes.push({ index, onCopy: claim('_copy', index.name), onLeaves })
  }
  for (const { name } of table.statistics) renamed.statistics.set(name, claim('_before', name))
  return {
    ...{ ...subject, renamed, copy, before, split, isKeyExact, partitions, uniques, indexes },
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
export function mirrorKey({ key, split, primaryKey }: CopySubject): MirrorKey {
  return { id: primaryKey, key, ...split }
}

/** Holds when the copy has taken the table's place. */
export function isPartitionedBy({ table: { schema, name }, key, split }: CopySubject): ConditionCall {
  const strategy = strategyOf(split)
  return strategy === 'range'
    ? condition(tableIsPartitionedBy, { schema, name }, key)
    : condition(tableIsPartitionedBy, { schema, name }, key, strategy)
}

/** The same subject, where its partitions are intervals of time. */
export function asRange({ split, keyType, ...subject }: CopySubject): RangeSubject | undefined {
  return 'every' in split && isKeyType(keyType) ? { ...subject, keyType, every: split.every } : undefined
}

/** Columns that are written; generated ones follow from them. */
export function storedColumns({ columns }: WholeTable): string[] {
  return columns.filter(({ generated }) => generated === '').map(({ name }) => name)
}
