import type { KeyIn } from '../catalog/tableUsers.ts'
import type { WholeMaterializedView } from '../catalog/materializedViews.ts'
import type { WholeIndex } from '../catalog/wholeIndexes.ts'
import type { WholeColumn } from '../catalog/wholeColumns.ts'
import type { WholeConstraint, WholeTable, WholeTrigger } from '../catalog/wholeTable.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { claimIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import type { Every, KeyType } from './intervals.ts'
import { lackingKey } from './keys.ts'

/** The schema for the functions of a series; no API exposes it. */
export const helperSchema = 'private'

/** A table that is to be partitioned, and every name that its series gives. */
export interface Subject {
  /** With the columns and triggers that it gets for foreign keys to itself. */
  table: WholeTable
  /** Names of what the series adds to the table itself: these do not count where it is compared. */
  added: string[]
  key: string
  /** As `format_type` prints it. */
  keyType: string
  /** What the copy of the key gets in a row that points to a row which is not there; that row is then refused. */
  absent: AbsentKey
  /** The old table, once it is a partition. */
  history: RelationName
  defaultPartition: RelationName
  /** The CHECK that lets the old table become a partition without being read. */
  bound: string
  /** Unique constraints that lack the key, with the indexes that replace them. */
  unique: PreparedUnique[]
  /** Foreign keys that point to the table, with the column that each gets. */
  children: ChildKey[]
  /** Materialized views that have to be made again, what they read first. */
  materializedViews: RemadeView[]
  /** What has to make way for the same name on the new table: old name -> name on the history partition. */
  renamed: { constraints: Map<string, string>; indexes: Map<string, string>; statistics: Map<string, string> }
  functions: {
    takeBack: string
    keepChildren: string
    addPartitions: string
    dropPartitions: string
    remakeViews: string
  }
}

/** A table that is to be partitioned by intervals of time. */
export interface RangeSubject extends Subject {
  keyType: KeyType
  every: Every
}

/** One whose rows stay where they are, in one partition. */
export interface HistorySubject extends RangeSubject {
  /** The first bound: rows below it are in the history partition. */
  cutoff: Date
  /** Partitions to make beyond the cutoff. */
  ahead: number
}

/** A value of the key, as SQL writes it. */
export interface AbsentKey {
  literal: string
  /** Rows may have it. */
  isUsed: boolean
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
  /** The trigger that refuses a row whose parent is not there. */
  refuse: string
  fill: string
  /** A CHECK, while a partition goes, that no row points to it. */
  guard: string
  /** The trigger of the table, until it is partitioned, that lets the copies follow a key that changes; and its function. */
  followTrigger: string
  follow: string
}

export interface RemadeView {
  view: WholeMaterializedView
  /** Its name while it is made. */
  next: string
  /** The name of the one that it replaces, until that is dropped. */
  former: string
  /** Of each index: its name on either. */
  indexes: Map<string, { next: string; former: string }>
  /** A plain view that stands for the table on the way back, where it reads that. */
  detour: string | undefined
}

export interface SubjectRequest {
  table: WholeTable
  /** The tables that have foreign keys to it. */
  children: WholeTable[]
  key: string
  keyType: string
  absent: AbsentKey
  /** Names of relations, by schema. */
  taken: ReadonlyMap<string, ReadonlySet<string>>
  /** Names of functions that the helper schema has, such as those for a table of the same name in another schema. */
  takenFunctions: readonly string[]
}

/** Gives every new object a free name of at most 63 bytes. */
export function nameSubject(request: SubjectRequest): Subject {
  const { table, key } = request
  const taken = new Map(Array.from(request.taken, ([schema, names]) => [schema, new Set(names)]))
  const relations = taken.get(table.schema) ?? new Set()
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
  const own = children.filter(
    ({ key: { table: from } }) => from.schema === table.schema && from.name === table.name,
  )
  const bound = claimIdentifier(`${table.name}_${key}`, '_bound', constraints)
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
    ...{
      table: withOwnKeys(table, request, own),
      key,
      keyType: request.keyType,
      absent: request.absent,
    },
    added: [
      bound,
      ...own.flatMap(({ column, check, trigger, refuse }) => [column, check, trigger, refuse]),
      ...children.map(({ followTrigger }) => followTrigger),
    ],
    ...{ unique, children, renamed },
    materializedViews: table.materializedViews.map((view) =>
      remadeView(table, view, taken.get(view.schema) ?? new Set()),
    ),
    history: relation('_history'),
    defaultPartition: relation('_default'),
    bound,
    functions: {
      takeBack: routine('take_back'),
      keepChildren: routine('keep_children_of'),
      addPartitions: routine('add_partitions_of'),
      dropPartitions: routine('drop_partitions_of'),
      remakeViews: routine('remake_views_of'),
    },
  }
}

function withOwnKeys(
  table: WholeTable,
  { keyType: type, absent }: Pick<Subject, 'keyType' | 'absent'>,
  own: readonly ChildKey[],
): WholeTable {
  const columns = own.map(({ column }): WholeColumn => ({
    ...{ name: column, type, collation: null, notNull: false, expression: null, identity: '', generated: '' },
    ...{ statisticsTarget: null, options: [], comment: null },
  }))
  const trigger = (name: string, definition: string, isBefore: boolean): WholeTrigger => ({
    ...{ name, definition, isBefore, enabled: 'O', events: ['INSERT', 'UPDATE'], forEachRow: true },
    ...{ isConstraint: false, hasTransition: false, comment: null },
  })
  const triggers = own.flatMap((each) => [
    trigger(each.trigger, fillTrigger(each), true),
    trigger(each.refuse, refuseTrigger(each, absent), false),
  ])
  return { ...table, columns: [...table.columns, ...columns], triggers: [...table.triggers, ...triggers] }
}

/** The key of a parent that is not there, of a range. No partition but the default one could have it. */
export const absentMoment: AbsentKey = { literal: `'infinity'`, isUsed: false }

/** The trigger that refuses a row whose parent is not there. */
export function refuseTrigger(
  { key, child, column, refuse, fill }: ChildKey,
  { literal }: AbsentKey,
): string {
  return (
    `CREATE TRIGGER ${quote(refuse)} AFTER INSERT OR UPDATE OF ${key.columns.map(quote).join(', ')} ON ${qualified(child)} ` +
    `FOR EACH ROW WHEN (NEW.${quote(column)} = ${literal}) EXECUTE FUNCTION ${quote(helperSchema)}.${quote(fill)}()`
  )
}

/** The trigger that fills the copy of the key. */
export function fillTrigger({ key, child, trigger, fill }: ChildKey): string {
  return (
    `CREATE TRIGGER ${quote(trigger)} BEFORE INSERT OR UPDATE OF ${key.columns.map(quote).join(', ')} ON ${qualified(child)} ` +
    `FOR EACH ROW EXECUTE FUNCTION ${quote(helperSchema)}.${quote(fill)}()`
  )
}

function indexOf(table: WholeTable, constraint: WholeConstraint): WholeIndex {
  const index = table.indexes.find(({ name }) => name === constraint.index)
  if (!index) throw new Error(`${constraint.name} has no index`)
  return index
}

function remadeView(table: WholeTable, view: WholeMaterializedView, taken: Set<string>): RemadeView {
  const readsTable = view.reads.some(({ schema, name }) => schema === table.schema && name === table.name)
  const names = (name: string) => ({
    next: claimIdentifier(name, '_next', taken),
    former: claimIdentifier(name, '_former', taken),
  })
  return {
    ...{ view, ...names(view.name) },
    indexes: new Map(view.indexes.map(({ name }) => [name, names(name)])),
    detour: readsTable ? claimIdentifier(view.name, '_detour', taken) : undefined,
  }
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
      guard: claimIdentifier(`${child.name}_${column}`, '_guard', names),
      trigger: claimIdentifier(`zz_fill_${column}`, '', names),
      refuse: claimIdentifier(`zz_refuse_${column}`, '', names),
      fill: claimIdentifier(`fill_${child.name}_${column}`, '', functions),
      followTrigger: claimIdentifier(`zz_follow_${child.name}`, '', own),
      follow: claimIdentifier(`follow_${child.name}_${column}`, '', functions),
    }
  })
}
