import { listUnprovenNotNull } from '../../../catalog/unprovenNotNull.ts'
import type { BuiltinFunction, CatalogFunction } from '../../../catalog/functions.ts'
import type { Database } from '../../../postgres/database.ts'
import type { Node } from '../../../syntax/nodes.ts'
import { as } from '../../../syntax/nodes.ts'
import { fieldsOf } from '../../../syntax/walk.ts'
import type { Reach } from '../../read/reach.ts'
import type { CallFields } from '../bodies.ts'
import { shared } from '../shared.ts'
import type { Subject } from '../subject.ts'
import type { Facts, FormulaFunction } from './facts.ts'

/** What is known already of the functions that predicates call. */
export interface Known {
  reach: Reach
  /** Functions outside of pg_catalog that the call can mean. */
  own(call: CallFields): CatalogFunction[]
  builtin(call: CallFields): BuiltinFunction | undefined
  bodyOf(called: CatalogFunction): Node | undefined
  isSteady(call: CallFields): boolean
  isAggregateOrWindow(call: CallFields): boolean
  isSelfContained(called: CatalogFunction): boolean
  readsOnlySettings(tree: Node): boolean
  withoutTwins<T>(tree: T): T
}

/** Puts together what formulas need to know of the catalog. */
export async function readFacts(db: Database, { table, columns }: Subject, known: Known): Promise<Facts> {
  const { reach, own, builtin, isSteady } = known
  const unproven = await shared(db)(listUnprovenNotNull)
  const functions = new Map<number, FormulaFunction>()
  const functionOf = (call: CallFields): FormulaFunction | undefined => {
    const [only, ...more] = own(call)
    if (!only || more.length > 0 || builtin(call) || known.isAggregateOrWindow(call)) return undefined
    const found = functions.get(only.oid) ?? { ...only, body: known.bodyOf(only) }
    functions.set(only.oid, found)
    return found
  }
  const arePoliciesSteady = [...reach.policies.values()]
    .flat()
    .every(({ using }) => using !== undefined && isSteadyTree(using, isSteady))
  const byOid = new Map([...reach.byName.values()].flat().map((each) => [each.oid, each]))
  return {
    table: { ...table, columns },
    isEnum: (type) => reach.enums.has(type),
    functionOf,
    serverFunctionOf: (call) => (own(call).length === 0 ? builtin(call) : undefined),
    isSteady,
    isSelfContained: ({ oid }) => {
      const called = byOid.get(oid)
      return called !== undefined && known.isSelfContained(called)
    },
    readsOnlySettings: (call) =>
      known.readsOnlySettings(call) && isSameForEverybody(call, own, builtin, reach, new Set()),
    isOpenOperator: (name) => reach.functions.openOperators.has(name),
    relationOf: ({ catalogname, schemaname, relname, inh }) => {
      const [only, ...more] = (reach.relations.get(relname) ?? []).filter(
        ({ schema }) => schema === schemaname,
      )
      const isPlain = only && more.length === 0 && inh === true && !catalogname
      return isPlain && ['r', 'p', 'm'].includes(only.kind) && (!only.rowSecurity || arePoliciesSteady)
        ? only
        : undefined
    },
    isConstrained: ({ oid, kind, hasChildren }) =>
      ['r', 'p'].includes(kind) && !hasChildren && !unproven.has(oid),
    withoutTwins: known.withoutTwins,
  }
}

/** Whether the tree gives the same rows as often as it is read: it calls nothing else, and leaves no choice of rows. */
function isSteadyTree(tree: Node, isSteady: (call: CallFields) => boolean): boolean {
  const chooses = Array.from(fieldsOf(tree, 'SelectStmt')).some(
    (select) => 'limitCount' in select || 'limitOffset' in select || 'distinctClause' in select,
  )
  return !chooses && Array.from(fieldsOf(tree, 'FuncCall')).every(isSteady)
}

/** Whether every function in the tree, and in the bodies of those, gives the same with anybody's rights. */
function isSameForEverybody(
  tree: unknown,
  own: Known['own'],
  builtin: Known['builtin'],
  reach: Reach,
  seen: Set<number>,
): boolean {
  return Array.from(fieldsOf(tree, 'FuncCall')).every((call) => {
    const called = own(call)
    const server = builtin(call)
    const name = as({ FuncCall: call } as Node, 'FuncCall')?.funcname.at(-1)
    const isSetting = name !== undefined && as(name, 'String')?.sval === 'current_setting'
    if (server && server.volatility !== 'immutable' && !isSetting) return false
    return called.every((each) => {
      if (seen.has(each.oid)) return true
      seen.add(each.oid)
      const body = reach.bodies.get(each.oid)
      return (
        body !== undefined && !body.isDynamic && isSameForEverybody(body.parts, own, builtin, reach, seen)
      )
    })
  })
}
