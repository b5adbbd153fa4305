import * as z from 'zod'
import type { RelationName } from '../../postgres/identifiers.ts'
import type { NamedRelation } from '../../syntax/relations.ts'
import { droppedNames, relationsIn, tablesOfDroppedPolicies } from '../../syntax/relations.ts'
import type { DroppedName } from '../../syntax/relations.ts'
import { nameParts } from '../../syntax/walk.ts'
import type { Statement } from '../../syntax/statements.ts'

const name = z.object({ schema: z.string(), name: z.string() })

/** What a migration changed, as the log keeps it. */
export const changedObjects = z.object({
  /** Those whose statements may have become faster or slower; with their reads and rows when it had run. */
  tables: z.array(name.extend({ reads: z.number(), liveRows: z.number() })),
  functions: z.array(name.partial({ schema: true })),
  /** The indexes that it made, on which table. */
  indexes: z.array(name.extend({ table: name })),
  /** It did nothing but make indexes, so that only writes and scans of these can have changed. */
  onlyMakesIndexes: z.boolean(),
})

export type ChangedObjects = z.infer<typeof changedObjects>

/** The objects that the statements name, before it is looked up which tables these are. */
export interface NamedObjects {
  /** Tables, views and indexes. */
  relations: NamedRelation[]
  functions: NamedRelation[]
  /** The indexes that the statements make; one without a name of its own has an empty one. */
  madeIndexes: NamedRelation[]
  droppedIndexes: NamedRelation[]
  onlyMakesIndexes: boolean
}

/**
 * What the statements change, from their parse trees.
 *
 * `CREATE INDEX a ON t (c)` -> relations `t`, made `a`; `DROP POLICY p ON t` -> relations `t`.
 */
export function namedObjects(statements: Statement[]): NamedObjects {
  const named: NamedObjects = {
    relations: [],
    functions: [],
    madeIndexes: [],
    droppedIndexes: [],
    onlyMakesIndexes: statements.length > 0,
  }
  for (const { node } of statements) {
    named.relations.push(...relationsIn(node), ...tablesOfDroppedPolicies(node))
    const index = node['IndexStmt'] as { idxname?: string; relation?: NamedInTree } | undefined
    if (index?.relation) named.madeIndexes.push(withSchema(index.idxname ?? '', index.relation.schemaname))
    const drop = node['DropStmt'] as { removeType?: string; objects?: DroppedName[] } | undefined
    if (drop?.removeType === 'OBJECT_INDEX') named.droppedIndexes.push(...droppedNames(drop.objects ?? []))
    named.functions.push(...functionsOf(node))
    if (!index && !isHarmless(node)) named.onlyMakesIndexes = false
  }
  return { ...named, relations: distinct(named.relations), functions: distinct(named.functions) }
}

/** A file may name one table a hundred thousand times. */
function distinct(names: NamedRelation[]): NamedRelation[] {
  return [...new Map(names.map((each) => [JSON.stringify([each.schema, each.name]), each])).values()]
}

interface NamedInTree {
  relname: string
  schemaname?: string
}

/** CREATE FUNCTION, ALTER FUNCTION and DROP FUNCTION change what statements do that call it. */
function functionsOf(node: Statement['node']): NamedRelation[] {
  const created = node['CreateFunctionStmt'] as { funcname?: unknown } | undefined
  const altered = node['AlterFunctionStmt'] as { func?: { objname?: unknown } } | undefined
  const parts = nameParts(created?.funcname ?? altered?.func?.objname)
  const last = parts.at(-1)
  return last === undefined ? [] : [withSchema(last, parts.at(-2))]
}

/** A comment, a setting of the session, ANALYZE: no statement becomes faster or slower by these alone. */
function isHarmless(node: Statement['node']): boolean {
  return ['CommentStmt', 'VariableSetStmt'].some((kind) => kind in node)
}

function withSchema(name: string, schema: string | undefined): NamedRelation {
  return { name, ...(schema === undefined ? {} : { schema }) }
}

/** Puts together what was found of the named objects, before the statements ran and afterwards. */
export function toChangedObjects(
  named: NamedObjects,
  found: {
    tables: (RelationName & { reads: number; liveRows: number })[]
    indexes: (RelationName & { table: RelationName })[]
  },
): ChangedObjects {
  const made = found.indexes.filter((index) => named.madeIndexes.some((each) => each.name === index.name))
  return {
    tables: found.tables.map(({ schema, name: table, reads, liveRows }) => ({
      schema,
      name: table,
      reads,
      liveRows,
    })),
    functions: named.functions,
    indexes: made.map(({ schema, name: index, table }) => ({
      schema,
      name: index,
      table: { schema: table.schema, name: table.name },
    })),
    // An index whose name PostgreSQL chose cannot be watched.
    onlyMakesIndexes: named.onlyMakesIndexes && made.length === named.madeIndexes.length,
  }
}
