import { arrayOf, call, cast, scalarSubselect } from '../../syntax/build.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, kindOf, nodesIn } from '../../syntax/nodes.ts'
import { replaceBelow } from '../../syntax/replaceNodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import { show } from '../read/calls.ts'
import { normalType } from '../read/neverFails.ts'
import { rowParameters } from '../read/parameters.ts'
import { privateSchema } from '../read/privateSchema.ts'
import { Unclear } from '../read/queryColumns.ts'
import { isForeign } from '../read/searchPath.ts'
import { typeNamed } from '../read/typeNames.ts'
import type { Part } from './answerParts.ts'
import { constantPart, isLiteral } from './answerParts.ts'
import type { EnteredFunction } from './enterFunction.ts'
import type { HelperFunction } from './helperFunctions.ts'
import type { MembershipScope } from './memberOf.ts'
import { refuseBackslash, refuseOtherOperators } from './memberOf.ts'

type Use = (helper: HelperFunction) => void

/**
 * A part of a body that reads nothing of the row, as a helper that computes it once per statement.
 *
 * `is_admin()` -> `(SELECT private.may_read_holds())`
 *
 * @throws Unclear if it could raise an error
 */
export function fixedPart(
  node: Node,
  type: string,
  { rights }: EnteredFunction,
  scope: MembershipScope,
  use: Use,
): Part {
  if (rowReferences(node).length > 0) throw new Unclear(`${show(node)} in its body is not known`)
  refuseBackslash(node)
  const hazard = scope.hazards.of(node, rights.isSecurityDefiner ? rights.owner : undefined)
  if (hazard)
    throw new Unclear(
      `a part of its body would be computed at once, which could raise an error that nobody gets today: ${hazard.what}`,
    )
  return {
    make: () => {
      const helper = scope.helpers.forValue(rights, node, type)
      use(helper)
      return scalarSubselect(call([privateSchema, helper.name]))
    },
  }
}

/** Kinds of nodes that only compare and compute. */
const plain = new Set([
  ...['A_Expr', 'A_ArrayExpr', 'A_Const', 'BoolExpr', 'BooleanTest', 'CoalesceExpr', 'List', 'NullTest'],
  ...['ParamRef', 'String', 'TypeCast', 'TypeName', 'Integer', 'Float', 'Boolean'],
])

/**
 * A part of a body that compares columns of the row with constants and with what is the same for every row.
 *
 * `author = auth.uid()` -> `author_id = (SELECT private.may_edit_value())`
 *
 * @throws Unclear if it does more than compare, or an operator could be another one in the policy
 */
export function rowPart(
  node: Node,
  within: EnteredFunction,
  scope: MembershipScope,
  tree: Node,
  use: Use,
): Part {
  refuseBackslash(node)
  refuseOtherOperators(node, scope)
  const values = new Map<Node, Part>()
  const visit = (each: Node, isArray: boolean): void => {
    if (isLiteral(each)) return
    if (rowParameters(each).length === 0) {
      values.set(each, valueOf(each, within, scope, use, isArray))
      return
    }
    if (!plain.has(kindOf(each))) throw new Unclear(`its body asks ${show(each)} for every row`)
    const list = as(each, 'A_Expr')
    const array = list?.kind === 'AEXPR_OP_ANY' || list?.kind === 'AEXPR_OP_ALL' ? list.rexpr : undefined
    replaceBelow(each, (child) => {
      visit(child, child === array)
      return child
    })
  }
  visit(node, false)
  const sides = new Map(
    rowParameters(node).map((position) => [position, sideOf(position, within, scope, tree)]),
  )
  const put = (tree: Node, made: (part: Part) => Node): Node => {
    const replace = (each: Node): Node | undefined => {
      const value = values.get(each)
      if (value) return made(value)
      const parameter = as(each, 'ParamRef')
      return parameter && sides.get(parameter.number - 1)
    }
    return replace(tree) ?? replaceBelow(tree, replace)
  }
  const hazard = scope.hazards.of(
    put(node, () => ({ A_Const: { isnull: true } })),
    undefined,
    scope.table,
  )
  if (hazard)
    throw new Unclear(`its body compares the row in a way that could raise an error: ${hazard.what}`)
  return { make: () => put(node, (part) => part.make()) }
}

/** The value of an expression without the row, in a helper. */
function valueOf(
  node: Node,
  within: EnteredFunction,
  scope: MembershipScope,
  use: Use,
  isArray: boolean,
): Part {
  const type = scope.hazards.typeOf(node, scope.table, node)
  const typeName = typeNamed(type)
  if (type === undefined || !typeName || isForeign(type, scope.reach) || type.startsWith('any'))
    throw new Unclear(`the type of ${show(node)} in its body is not known`)
  const part = fixedPart(node, type, within, scope, use)
  // `= ANY ((SELECT ...))` would compare with the rows of the query.
  if (!isArray) return part
  if (!type.endsWith('[]')) throw new Unclear(`${show(node)} in its body is no array`)
  return { make: () => cast(part.make(), arrayOf(typeName)) }
}

/** What the row passes to a parameter, as the type of the parameter. */
function sideOf(position: number, { ofRow }: EnteredFunction, scope: MembershipScope, tree: Node): Node {
  const asked = ofRow.get(position)
  if (!asked) throw new Unclear('its body uses a parameter that has no value in the call')
  const { side, parameter } = asked
  if (isForeign(parameter, scope.reach))
    throw new Unclear(`it compares values of type ${parameter}, whose operators depend on search_path`)
  const type = scope.hazards.typeOf(side, scope.table, tree)
  if (type !== undefined && normalType(type) === normalType(parameter)) return side
  const typeName = typeNamed(parameter)
  if (!typeName) throw new Unclear(`its argument has the type ${parameter}, which no cast can name`)
  return cast(side, typeName)
}

/** A STRICT function is NULL if one of its arguments is. */
export function strictParts(entered: EnteredFunction, scope: MembershipScope, tree: Node, use: Use): Part[] {
  const { called, ofRow, fixed, needed } = entered
  if (!called.isStrict) return []
  const rows = [...ofRow.keys()].flatMap((position) =>
    needed.has(position)
      ? []
      : rowPart(isNotNull({ ParamRef: { number: position + 1 } }), entered, scope, tree, use),
  )
  const others = [...fixed].flatMap(([position, { value }]): Part[] => {
    if (isLiteral(value)) return [constantPart(!isNull(value))]
    return needed.has(position) ? [] : [fixedPart(isNotNull(value), 'boolean', entered, scope, use)]
  })
  return [...others, ...rows]
}

function isNotNull(arg: Node): Node {
  return { NullTest: { arg, nulltesttype: 'IS_NOT_NULL' } }
}

function isNull(value: Node): boolean {
  return nodesIn(value).some(
    (node) => as(node, 'A_Const') !== undefined && 'isnull' in (as(node, 'A_Const') ?? {}),
  )
}
