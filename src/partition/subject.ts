import type { KeyIn } from '../catalog/tableUsers.ts'
import type { WholeConstraint, WholeIndex, WholeTable } from '../catalog/wholeTable.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { claimIdentifier } from '../postgres/identifiers.ts'
import type { Every, KeyType } from './intervals.ts'
import { lackingKey } from './keys.ts'

/** The schema for the functions of a series; no API exposes it. */
export const helperSchema = 'private'

/** A table that is to be partitioned, and every name that its series gives. */
export interface Subject {
  table: WholeTable
  key: string
  keyType: KeyType
  every: Every
  /** Rows below it stay where they are, in the history partition. */
  cutoff: Date
  /** Partitions to make beyond the cutoff. */
  ahead: number
  /** The old table, once it is a partition. */
  history: RelationName
  defaultPartition: RelationName
  /** The CHECK that lets the old table become a partition without being read. */
  bound: string
  /** Unique constraints that lack the key, with the indexes that replace them. */
  unique: PreparedUnique[]
  /** Foreign keys that point to the table, with the column that each gets. */
  children: ChildKey[]
  /** What has to make way for the same name on the new table: old name -> name on the history partition. */
  renamed: { constraints: Map<string, string>; indexes: Map<string, string>; statistics: Map<string, string> }
  functions: { takeBack: string; keepChildren: string; addPartitions: string; dropPartitions: string }
}

export interface PreparedUnique {
  constraint: WholeConstraint
  index: WholeIndex
  /** The same with the key, built before the swap. */
  prepared: string
  /** The same without the key, built again before the way back. */
  restored: string
}

export interface ChildKey {
  key: KeyIn
  child: WholeTable
  /** A copy of the key of the row that it points to. */
  column: string
  check: string
  trigger: string
  fill: string
  /** The trigger of the table, until it is partitioned, that lets the copies follow a key that changes; and its function. */
  followTrigger: string
  follow: string
}

export interface SubjectRequest {
  table: WholeTable
  /** The tables that have foreign keys to it. */
  children: WholeTable[]
  key: string
  keyType: KeyType
  every: Every
  cutoff: Date
  ahead: number
  /** Names of relations that the schema has. */
  taken: ReadonlySet<string>
  /** Names of functions that the helper schema has, such as those for a table of the same name in another schema. */
  takenFunctions: readonly string[]
}

/** Gives every new object a free name of at most 63 bytes. */
export function nameSubject(request: SubjectRequest): Subject {
  const { table, key } = request
  const relations = new Set(request.taken)
  const relation = (suffix: string): RelationName => ({
    schema: table.schema,
    name: claimIdentifier(table.name, suffix, relations),
  })
  const constraints = new Set([...table.constraints.map(({ name }) => name), ...relations])
  const lacking = lackingKey(table, key)
  const unique = lacking.constraints.map((constraint): PreparedUnique => {
    const base = `${table.name}_${constraint.columns.join('_')}`
    return {
      constraint,
      index: indexOf(table, constraint),
      prepared: claimIdentifier(`${base}_${key}`, '_key', relations),
      restored: claimIdentifier(base, '_restored_key', relations),
    }
  })
  const functions = new Set(request.takenFunctions)
  const routine = (verb: string) => claimIdentifier(`${verb}_${table.name}`, '', functions)
  const children = childKeys(request, functions)
  const history = (name: string) => claimIdentifier(name, '_history', relations)
  const renamed: Subject['renamed'] = { constraints: new Map(), indexes: new Map(), statistics: new Map() }
  for (const { name, kind, columns } of table.constraints) {
    if (kind === 'u' || (kind === 'p' && columns.includes(key))) renamed.constraints.set(name, history(name))
  }
  for (const { name, isOfConstraint } of table.indexes) {
    if (!isOfConstraint) renamed.indexes.set(name, history(name))
  }
  for (const { name } of table.statistics) renamed.statistics.set(name, history(name))
  return {
    ...{ table, key, keyType: request.keyType, every: request.every },
    ...{ cutoff: request.cutoff, ahead: request.ahead, unique, children, renamed },
    history: relation('_history'),
    defaultPartition: relation('_default'),
    bound: claimIdentifier(`${table.name}_${key}`, '_bound', constraints),
    functions: {
      takeBack: routine('take_back'),
      keepChildren: routine('keep_children_of'),
      addPartitions: routine('add_partitions_of'),
      dropPartitions: routine('drop_partitions_of'),
    },
  }
}

function indexOf(table: WholeTable, constraint: WholeConstraint): WholeIndex {
  const index = table.indexes.find(({ name }) => name === constraint.index)
  if (!index) throw new Error(`${constraint.name} has no index`)
  return index
}

function childKeys({ table, children, key }: SubjectRequest, functions: Set<string>): ChildKey[] {
  const columns = new Map<string, Set<string>>()
  const own = new Set(table.triggers.map(({ name }) => name))
  return table.keysIn.map((foreign) => {
    const child = children.find(
      ({ schema, name }) => schema === foreign.table.schema && name === foreign.table.name,
    )
    if (!child) throw new Error(`${foreign.table.name} was not read`)
    const id = JSON.stringify(foreign.table)
    const taken = columns.get(id) ?? new Set(child.columns.map(({ name }) => name))
    columns.set(id, taken)
    const column = claimIdentifier(`${table.name}_${key}`, '', taken)
    const names = new Set([...child.constraints, ...child.triggers].map(({ name }) => name))
    return {
      ...{ key: foreign, child, column },
      check: claimIdentifier(`${child.name}_${column}`, '_check', names),
      trigger: claimIdentifier(`zz_fill_${column}`, '', names),
      fill: claimIdentifier(`fill_${child.name}_${column}`, '', functions),
      followTrigger: claimIdentifier(`zz_follow_${child.name}`, '', own),
      follow: claimIdentifier(`follow_${child.name}_${column}`, '', functions),
    }
  })
}

/** What the series puts on the table before the swap, by name: it is not compared with what was there. */
export function oursUntilSwap({ bound, children }: Subject): string[] {
  return [bound, ...children.map(({ followTrigger }) => followTrigger)]
}
