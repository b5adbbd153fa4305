import { call as callOf } from '../../syntax/build.ts'
import type { FuncCall, Node, SelectStmt } from '../../syntax/nodes.ts'
import { as, nodesIn } from '../../syntax/nodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import { candidatesFor, nameOfCall, notesOnVolatile, show } from '../read/calls.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { whyExposed } from '../read/exposed.ts'
import { withoutLimit } from '../read/membershipBody.ts'
import { replaceInContext } from '../read/positiveContext.ts'
import { Unclear } from '../read/queryColumns.ts'
import type { Change, Rewritten } from './change.ts'
import { enterFunction } from './enterFunction.ts'
import type { HelperFunction } from './helperFunctions.ts'
import type { MembershipScope } from './memberOf.ts'
import { isComparison } from './answerParts.ts'
import { withSide, withoutCasts } from './queryParts.ts'
import { refuseUnfit } from './refuseUnfit.ts'
import { fixedPart } from './rowPart.ts'

/**
 * Looks the value of a function up once per statement that cannot simply be wrapped: where it finds two rows it ends with an
 * error, which a wrapped call would raise in statements that read no row. A helper gives NULL then, which lets nothing pass.
 *
 * ```sql
 * my_role() = role                             -- before; RETURN (SELECT role FROM members WHERE user_id = auth.uid())
 * (SELECT private.my_role_value()) = role      -- after;  RETURN (SELECT CASE WHEN count(*) = 1 THEN (array_agg(role))[1] END ...)
 * ```
 */
export function turnLookups(tree: Node, scope: MembershipScope): Rewritten & { helpers: HelperFunction[] } {
  const changes: Change[] = []
  const helpers: HelperFunction[] = []
  const result = replaceInContext(tree, (node, isPositive) => {
    const comparison = as(node, 'A_Expr')
    if (!isPositive || !comparison || !isComparison(node) || !kinds.has(comparison.kind)) return undefined
    for (const side of [comparison.lexpr, comparison.kind === 'AEXPR_OP' ? comparison.rexpr : undefined]) {
      const lookup = side && lookupIn(side, tree, scope)
      if (!lookup) continue
      const { call, called } = lookup
      try {
        refuseUnfit(call, called, scope)
        const value = valueOf(call, called, scope, (helper) => helpers.push(helper))
        const becomes = withSide(comparison, side, value)
        const notes = [
          ...notesOnVolatile(node, scope),
          `where ${show({ FuncCall: call })} ends with an error today, since it finds several rows, nothing passes without one`,
        ]
        changes.push({ rule: 'policy_function_initplan', was: show(node), becomes: show(becomes), notes })
        return becomes
      } catch (error) {
        // It stays as it is; `wrapCalls` says why.
        if (!(error instanceof Unclear)) throw error
      }
    }
    return undefined
  })
  return { tree: result, changes, refusals: [], helpers }
}

/** Those that NULL does not meet. */
const kinds = new Set(['AEXPR_OP', 'AEXPR_IN', 'AEXPR_OP_ANY'])

/** A call without the row that may not be wrapped. */
function lookupIn(
  side: Node,
  tree: Node,
  scope: MembershipScope,
): { call: FuncCall; called: CatalogFunction } | undefined {
  const call = as(withoutCasts(side), 'FuncCall')
  if (!call || nameOfCall(call).schema === 'pg_catalog' || rowReferences(side).length > 0) return undefined
  const [called] = candidatesFor(call, scope)
  if (called?.kind !== 'f' || called.returnsSet) return undefined
  return whyExposed({ FuncCall: call }, tree, scope.hazards) === undefined ? undefined : { call, called }
}

/** @throws Unclear if the function does more than look one value up */
function valueOf(
  call: FuncCall,
  called: CatalogFunction,
  scope: MembershipScope,
  use: (helper: HelperFunction) => void,
): Node {
  const entered = enterFunction(call, called, scope)
  const link = as(withoutCasts(entered.body), 'SubLink')
  const select = as(link?.subselect, 'SelectStmt')
  const target = as(select?.targetList?.[0], 'ResTarget')?.val
  if (link?.subLinkType !== 'EXPR_SUBLINK' || !select || !target || select.targetList?.length !== 1)
    throw new Unclear('its body is not one value that a query finds')
  if (select.limitCount || nodesIn(target).some((node) => 'FuncCall' in node))
    throw new Unclear('its body returns what a function makes of the rows that it finds')
  const strict = called.isStrict && call.args !== undefined
  if (strict || !select.fromClause) throw new Unclear('it is STRICT, or reads no table')
  const total = onlyOf(withoutLimit(select), target)
  return fixedPart(total, called.returnType, entered, scope, use).make()
}

/** The value of the one row, or NULL where there are none or several. */
function onlyOf(select: SelectStmt, target: Node): Node {
  const count = callOf(['count'])
  const all = { FuncCall: { ...as(count, 'FuncCall'), agg_star: true } } as Node
  const first: Node = {
    A_Indirection: {
      arg: callOf(['array_agg'], [target]),
      indirection: [{ A_Indices: { uidx: { A_Const: { ival: { ival: 1 } } } } }],
    },
  } as Node
  const isOne: Node = {
    A_Expr: {
      kind: 'AEXPR_OP',
      name: [{ String: { sval: '=' } }],
      lexpr: all,
      rexpr: { A_Const: { ival: { ival: 1 } } },
    },
  }
  const value: Node = { CaseExpr: { args: [{ CaseWhen: { expr: isOne, result: first } }] } } as Node
  return {
    SubLink: {
      subLinkType: 'EXPR_SUBLINK',
      subselect: { SelectStmt: { ...select, targetList: [{ ResTarget: { val: value } }] } },
    },
  }
}
