import type { LockMode } from '../../shadow/locks.ts'
import { relationLockModes } from '../../shadow/locks.ts'
import type { Node } from '../../syntax/nodes.ts'
import { nodesIn } from '../../syntax/nodes.ts'
import type { DroppedName, NamedRelation } from '../../syntax/relations.ts'
import { droppedNames, tablesOfDroppedPolicies } from '../../syntax/relations.ts'
import type { Statement } from '../../syntax/statements.ts'
import { isConcurrent } from '../statementKind.ts'
import { modeOfChanges } from './alterTableModes.ts'
import type { TableChange } from './alterTableModes.ts'

/** Which relations are locked, seen from the one that the statement names. */
export type Reach =
  | 'itself'
  /** It and everything that inherits from it: partitions of partitions too. */
  | 'descendants'
  /** What it is a partition of. */
  | 'parents'
  /** The table of an index, and the tables of the index's partitions. */
  | 'table'
  /** Its indexes, and those of its TOAST table. */
  | 'indexes'
  /** The tables that its foreign keys refer to. */
  | 'referenced'
  /** The tables whose foreign keys refer to it. */
  | 'referencing'

/** A lock that a statement asks for. */
export interface LockWish {
  relation: NamedRelation
  reach: Reach
  mode: LockMode
  /** Of the foreign keys that `referenced` follows, only this one. */
  constraint?: string
}

/**
 * The locks that a statement asks for and that others would notice: SHARE UPDATE EXCLUSIVE and stronger. A concurrent
 * build waits without blocking anybody, so it wishes nothing here. Of a DO block, a CALL and everything else that is not
 * listed, nothing is known.
 *
 * ```sql
 * ALTER TABLE bookings ADD note text             -- AccessExclusiveLock on bookings and its partitions
 * ALTER TABLE bookings VALIDATE CONSTRAINT paid  -- ShareUpdateExclusiveLock
 * CREATE INDEX ON bookings (city_id)             -- ShareLock
 * ```
 */
export function lockWishes(statement: Statement): LockWish[] {
  if (isConcurrent(statement)) return []
  const [[kind, fields] = ['', {}]] = Object.entries(statement.node) as [string, StatementFields][]
  const wishes = wishesByKind[kind]?.(fields, statement.node) ?? []
  return wishes.filter(({ mode }) => !tooWeakToNotice.has(mode))
}

/**
 * The same for statements that run one after the other. What a statement makes has no other holders, and after a change
 * of `search_path` only names with a schema mean what they say.
 */
export function lockWishesOfAll(statements: Statement[]): LockWish[] {
  const made: NamedRelation[] = []
  let namesAreKnown = true
  return statements.flatMap((statement) => {
    const known = lockWishes(statement).filter(
      ({ relation }) =>
        (namesAreKnown || relation.schema !== undefined) &&
        !made.some(({ schema, name }) => schema === relation.schema && name === relation.name),
    )
    made.push(...madeBy(statement))
    if (changesNames(statement)) namesAreKnown = false
    return known
  })
}

function madeBy({ node }: Statement): NamedRelation[] {
  const { relation } = (node['CreateStmt'] ?? {}) as StatementFields
  const { into } = (node['CreateTableAsStmt'] ?? {}) as { into?: { rel?: TableName } }
  const table = relation ?? into?.rel
  return table ? [named(table)] : []
}

/** SET search_path, SET ROLE (the path may have `$user` in it), and `SELECT set_config('search_path', ...)`. */
function changesNames({ node, sql }: Statement): boolean {
  const { name } = (node['VariableSetStmt'] ?? {}) as { name?: string }
  if ('SelectStmt' in node) return /search_path/i.test(sql)
  return name === 'search_path' || name === 'role' || name === 'session_authorization'
}

const tooWeakToNotice = new Set<LockMode>(['AccessShareLock', 'RowShareLock', 'RowExclusiveLock'])

/** A `RangeVar` without its wrapper. */
interface TableName {
  relname: string
  schemaname?: string
  /** False for ONLY. */
  inh?: boolean
}

interface StatementFields {
  relation?: TableName
  relations?: { RangeVar: TableName }[]
  table?: TableName
  view?: TableName
  sequence?: TableName
  inhRelations?: { RangeVar: TableName }[]
  partbound?: unknown
  cmds?: { AlterTableCmd: TableChange }[]
  renameType?: string
  removeType?: string
  behavior?: string
  objects?: DroppedName[]
  objtype?: string
  object?: DroppedName
  pubobjects?: { PublicationObjSpec: { pubtable?: { relation: TableName } } }[]
  options?: { DefElem: { defname?: string } }[]
  rels?: { VacuumRelation: { relation?: TableName } }[]
  kind?: string
  mode?: number
  replace?: boolean
  concurrent?: boolean
}

type WishesOf = (statement: StatementFields, node: Node) => LockWish[]

const wishesByKind: Record<string, WishesOf> = {
  AlterTableStmt: alterTable,
  RenameStmt: rename,
  DropStmt: drop,
  AlterObjectSchemaStmt: ({ relation }) => on(relation, 'AccessExclusiveLock'),
  CreatePolicyStmt: ({ table }) => on(table, 'AccessExclusiveLock'),
  AlterPolicyStmt: ({ table }) => on(table, 'AccessExclusiveLock'),
  RuleStmt: ({ relation }) => on(relation, 'AccessExclusiveLock'),
  CreateTrigStmt: ({ relation }) => onAll(relation, 'ShareRowExclusiveLock'),
  IndexStmt: ({ relation }) => onAll(relation, 'ShareLock'),
  CreateStmt: createTable,
  CreateStatsStmt: ({ relations }) => onEach(relations, 'ShareUpdateExclusiveLock', on),
  ViewStmt: ({ view, replace }) => (replace ? on(view, 'AccessExclusiveLock') : []),
  RefreshMatViewStmt: ({ relation, concurrent }) =>
    on(relation, concurrent ? 'ExclusiveLock' : 'AccessExclusiveLock'),
  AlterSeqStmt: ({ sequence }) => on(sequence, 'ShareRowExclusiveLock'),
  LockStmt: ({ relations, mode }) =>
    onEach(
      relations,
      relationLockModes[(mode ?? relationLockModes.length) - 1] ?? 'AccessExclusiveLock',
      onAll,
    ),
  TruncateStmt: ({ relations }) => onEach(relations, 'AccessExclusiveLock', onAll),
  ClusterStmt: ({ relation }) => on(relation, 'AccessExclusiveLock'),
  ReindexStmt: reindex,
  VacuumStmt: vacuum,
  CommentStmt: comment,
  CreatePublicationStmt: publication,
  AlterPublicationStmt: publication,
}

function named({ relname, schemaname }: TableName): NamedRelation {
  return { name: relname, ...(schemaname === undefined ? {} : { schema: schemaname }) }
}

function on(relation: TableName | undefined, mode: LockMode, reach: Reach = 'itself'): LockWish[] {
  return relation ? [{ relation: named(relation), reach, mode }] : []
}

/** Its children too, unless the statement says ONLY. */
function onAll(relation: TableName | undefined, mode: LockMode): LockWish[] {
  return on(relation, mode, relation?.inh ? 'descendants' : 'itself')
}

function onEach(
  relations: { RangeVar: TableName }[] | undefined,
  mode: LockMode,
  one: (relation: TableName, mode: LockMode) => LockWish[],
): LockWish[] {
  return (relations ?? []).flatMap(({ RangeVar }) => one(RangeVar, mode))
}

function alterTable({ relation, cmds = [] }: StatementFields): LockWish[] {
  if (!relation) return []
  const changes = cmds.map(({ AlterTableCmd }) => AlterTableCmd)
  const { mode, reachesChildren } = modeOfChanges(changes)
  return [
    ...(reachesChildren ? onAll(relation, mode) : on(relation, mode)),
    ...changes.flatMap((change) => onOthers(relation, change)),
  ]
}

/** What a change locks besides the table that it changes. */
function onOthers(table: TableName, { subtype, name, def }: TableChange): LockWish[] {
  switch (subtype) {
    case 'AT_AttachPartition':
    case 'AT_DetachPartition':
    case 'AT_DetachPartitionFinalize':
      return on(def?.PartitionCmd?.name, 'AccessExclusiveLock', 'descendants')
    case 'AT_AddInherit':
      return on(def?.RangeVar, 'ShareUpdateExclusiveLock')
    case 'AT_DropConstraint': {
      if (!name) return []
      return on(table, 'AccessExclusiveLock', 'referenced').map((wish) => ({ ...wish, constraint: name }))
    }
    default:
      return referencedBy(def)
  }
}

/** A new foreign key puts a trigger on the table that it refers to. */
function referencedBy(definition: unknown): LockWish[] {
  return nodesIn(definition).flatMap((node) => {
    const { contype, pktable } = (node['Constraint'] ?? {}) as { contype?: string; pktable?: TableName }
    return contype === 'CONSTR_FOREIGN' ? on(pktable, 'ShareRowExclusiveLock') : []
  })
}

function createTable({ inhRelations, partbound }: StatementFields, node: Node): LockWish[] {
  return [
    ...onEach(inhRelations, partbound ? 'AccessExclusiveLock' : 'ShareUpdateExclusiveLock', on),
    ...referencedBy(node),
  ]
}

function rename({ renameType, relation }: StatementFields): LockWish[] {
  if (renameType === 'OBJECT_INDEX') return on(relation, 'ShareUpdateExclusiveLock')
  const reachesChildren = ['OBJECT_COLUMN', 'OBJECT_TABCONSTRAINT', 'OBJECT_TRIGGER'].includes(
    renameType ?? '',
  )
  return (reachesChildren ? onAll : on)(relation, 'AccessExclusiveLock')
}

function drop({ removeType, objects = [], behavior }: StatementFields, node: Node): LockWish[] {
  const exclusively = (relation: NamedRelation, ...reaches: Reach[]): LockWish[] =>
    reaches.map((reach) => ({ relation, reach, mode: 'AccessExclusiveLock' }))
  switch (removeType) {
    case 'OBJECT_TABLE':
      return droppedNames(objects).flatMap((table) => [
        ...exclusively(table, 'descendants', 'parents', 'referenced'),
        ...(behavior === 'DROP_CASCADE' ? exclusively(table, 'referencing') : []),
      ])
    case 'OBJECT_INDEX':
      return droppedNames(objects).flatMap((index) => exclusively(index, 'itself', 'table'))
    case 'OBJECT_VIEW':
    case 'OBJECT_MATVIEW':
    case 'OBJECT_SEQUENCE':
      return droppedNames(objects).flatMap((relation) => exclusively(relation, 'itself'))
    case 'OBJECT_POLICY':
      return tablesOfDroppedPolicies(node).flatMap((table) => exclusively(table, 'itself'))
    case 'OBJECT_RULE':
      return tablesOf(objects).flatMap((table) => exclusively(table, 'itself'))
    case 'OBJECT_TRIGGER':
      return tablesOf(objects).flatMap((table) => exclusively(table, 'descendants'))
    default:
      return []
  }
}

/** `s.t` of `s.t.trigger`, for objects that are named by their table. */
function tablesOf(objects: DroppedName[]): NamedRelation[] {
  return droppedNames(objects.map(({ List }) => ({ List: { items: List.items.slice(0, -1) } })))
}

function reindex({ kind, relation }: StatementFields): LockWish[] {
  switch (kind) {
    case 'REINDEX_OBJECT_INDEX':
      return [...on(relation, 'AccessExclusiveLock'), ...on(relation, 'ShareLock', 'table')]
    case 'REINDEX_OBJECT_TABLE':
      return [...on(relation, 'ShareLock'), ...on(relation, 'AccessExclusiveLock', 'indexes')]
    default:
      // Of a schema or a database: one table after the other, each in a transaction of its own.
      return []
  }
}

function vacuum({ options = [], rels = [] }: StatementFields): LockWish[] {
  const isFull = options.some(({ DefElem }) => DefElem.defname === 'full')
  return rels.flatMap(({ VacuumRelation }) =>
    on(VacuumRelation.relation, isFull ? 'AccessExclusiveLock' : 'ShareUpdateExclusiveLock'),
  )
}

function comment({ objtype, object }: StatementFields): LockWish[] {
  if (!object || !('List' in object)) return []
  const names =
    objtype === 'OBJECT_TABLE' || objtype === 'OBJECT_VIEW' || objtype === 'OBJECT_INDEX'
      ? droppedNames([object])
      : objtype === 'OBJECT_COLUMN'
        ? tablesOf([object])
        : []
  return names.map((relation) => ({ relation, reach: 'itself', mode: 'ShareUpdateExclusiveLock' }))
}

function publication({ pubobjects = [] }: StatementFields): LockWish[] {
  return pubobjects.flatMap(({ PublicationObjSpec }) =>
    on(PublicationObjSpec.pubtable?.relation, 'ShareUpdateExclusiveLock'),
  )
}
