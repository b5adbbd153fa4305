import type { ChangeBeyond } from '../../../catalog/changesBeyond.ts'
import type { CatalogFunction } from '../../../catalog/functions.ts'
import type { ImplicitCall, OperatorCall } from '../../../catalog/implicitCalls.ts'
import type { InlineRead } from '../../../catalog/inlineReads.ts'
import type { RowCode } from '../../../catalog/rowCode.ts'
import type { Node } from '../../../syntax/nodes.ts'
import type { NamedRelation } from '../../../syntax/relations.ts'
import type { FunctionBody } from '../functionBody.ts'
import type { Reach } from '../reach.ts'
import type { CatalogTable } from '../tableCatalog.ts'
import type { CodeName, TreeFacts } from './treeFacts.ts'

/** A trigger, rule, default or check, with what it runs. */
export interface RowAction extends Pick<RowCode, 'what' | 'functionOid'> {
  /** Statements of a rule, the condition of a trigger, or an expression; undefined where it cannot be read. */
  trees: Node[] | undefined
}

/**
 * The code of a database, as far as it was read. What is missing is noted in `wanted`; an answer counts only while nothing
 * is wanted.
 */
export interface Code {
  reach: Reach
  tables: ReadonlyMap<number, CatalogTable>
  tablesByName: ReadonlyMap<string, CatalogTable[]>
  functions: Map<number, CatalogFunction>
  /** The predicates of every policy of a table, of any command, by the table's oid; undefined for an unreadable one. */
  policies: ReadonlyMap<number, (Node | undefined)[]>
  rowCode: ReadonlyMap<number, RowCode[]>
  rowActions: Map<number, RowAction[]>
  beyond: ReadonlyMap<number, ChangeBeyond[]>
  implicit: ImplicitCall[]
  operators: ReadonlyMap<string, OperatorCall[]>
  inlineReads: ReadonlyMap<number, InlineRead[]>
  wanted: Wanted
  /** What was wanted and is not there: oids of functions and views. */
  absent: Set<number>
}

/** What has to be read before an answer counts. */
export interface Wanted {
  functionNames: Set<string>
  functionOids: Set<number>
  /** Views whose queries are needed. */
  views: Set<number>
  /** Relations whose triggers, rules and the like are needed. */
  rowActions: Set<number>
}

/** Nothing is wanted yet. */
export function nothingWanted(): Wanted {
  return { functionNames: new Set(), functionOids: new Set(), views: new Set(), rowActions: new Set() }
}

/** Every function outside of pg_catalog that the name can mean. */
export function functionsNamed(code: Code, { schema, name }: CodeName): CatalogFunction[] {
  const found = code.reach.byName.get(name)
  if (!found) code.wanted.functionNames.add(name)
  return (found ?? []).filter((each) => schema === undefined || each.schema === schema)
}

/** What the function does; undefined where that cannot be read. */
export function bodyOf(code: Code, { oid }: CatalogFunction): FunctionBody | undefined {
  const { bodies, unreadable } = code.reach
  const found = bodies.get(oid)
  if (!found && !unreadable.has(oid) && !code.absent.has(oid)) code.wanted.functionOids.add(oid)
  return found
}

/** The function with that oid; undefined for the server's own. */
export function functionWithOid(code: Code, oid: number): CatalogFunction | undefined {
  const found = code.functions.get(oid)
  // Oids below 16384 are the server's own.
  if (!found && oid >= 16384 && !code.absent.has(oid)) code.wanted.functionOids.add(oid)
  return found
}

/** Every table and view that the name can mean. */
export function relationsNamed(code: Code, { schema, name }: NamedRelation): CatalogTable[] {
  return (code.tablesByName.get(name) ?? []).filter((each) => schema === undefined || each.schema === schema)
}

/** The query of a view; undefined where it cannot be read. */
export function viewQuery(code: Code, oid: number): Node | undefined {
  const found = code.reach.views.get(oid)
  if (!found && !code.absent.has(oid)) code.wanted.views.add(oid)
  return found
}

/** The triggers, rules, defaults and checks of a relation. */
export function rowActionsOf(code: Code, oid: number): RowAction[] {
  if (!code.rowCode.has(oid)) return []
  const found = code.rowActions.get(oid)
  if (!found) code.wanted.rowActions.add(oid)
  return found ?? []
}

/** The functions that a tree runs without calling them: the team's own operators, and `m.is_admin` for `is_admin(m)`. */
export function unnamedFunctions(code: Code, facts: TreeFacts): CatalogFunction[] {
  const ofOperators = facts.operators.flatMap(({ schema, name }) =>
    (code.operators.get(name) ?? [])
      .filter((each) => schema === undefined || each.schema === schema)
      .flatMap(({ functionOid }) => functionWithOid(code, functionOid) ?? []),
  )
  const ofFields = facts.fields.flatMap((name) =>
    functionsNamed(code, { schema: undefined, name }).filter(takesARow),
  )
  return [...ofOperators, ...ofFields]
}

/** Whether the function can be called with one value, which may be a row. Types of the team's own have a schema. */
function takesARow({ argumentTypes, defaults }: CatalogFunction): boolean {
  const [first, ...others] = argumentTypes
  if (first === undefined || others.length > defaults) return false
  return first === 'record' || first.startsWith('any') || first.includes('.')
}
