import { cast, conjunction, equals, literal } from '../../syntax/build.ts'
import { isBare } from '../../syntax/expression.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { FuncCall, Node, OperatorExpression, SelectStmt, SubLink } from '../../syntax/nodes.ts'
import { as, conjuncts, disjuncts, nodesIn, words } from '../../syntax/nodes.ts'
import { nameOf } from '../read/declarations.ts'
import { keysOf, withoutLimit } from '../read/membershipBody.ts'
import { rowParameters } from '../read/parameters.ts'
import { isTrue } from '../read/positiveContext.ts'
import { Unclear } from '../read/queryColumns.ts'
import { typeNamed } from '../read/typeNames.ts'
import { asExists } from './asExists.ts'
import type { Part } from './answerParts.ts'
import {
  allOf,
  anyOf,
  constantIn,
  constantPart,
  isBooleanCast,
  isBooleanForm,
  isComparison,
  isLiteral,
  isNeverNull,
  noneOf,
} from './answerParts.ts'
import type { EnteredFunction } from './enterFunction.ts'
import { enterFunction } from './enterFunction.ts'
import type { HelperFunction } from './helperFunctions.ts'
import type { MembershipScope } from './memberOf.ts'
import { memberOf } from './memberOf.ts'
import {
  conditionOfAny,
  countAboveZero,
  isOtherConstant,
  keysOfSet,
  readsColumns,
  sideToPush,
  takesFirst,
  withCondition,
  withConditions,
  withSide,
  withTarget,
  withoutCasts,
  withoutCoalesce,
} from './queryParts.ts'
import { fixedPart, rowPart, strictParts } from './rowPart.ts'

/** A call that depends on the row, as a condition that evaluates per row nothing but comparisons. */
export interface Answer {
  replacement: Node
  needsIndexOn?: string
  helpers: HelperFunction[]
}

/** A comparison with a call on the side named. */
export interface Compared {
  comparison: OperatorExpression
  side: Node
}

/**
 * Reads the body of a function as one condition, and writes it for the row of a policy: what depends on the row is
 * compared with sets of keys and with values that helpers read once per statement.
 *
 * ```sql
 * public.may_read(org_id)        -- before, with the body
 *                                -- is_admin() OR EXISTS (SELECT FROM members m WHERE m.org_id = org AND m.user_id = auth.uid())
 * (SELECT private.may_read_holds()) OR org_id IN (SELECT unnest((SELECT private.may_read_org_ids()))) -- after
 * ```
 *
 * Lets the same rows pass, but is not always the same value: false may be NULL.
 *
 * @param compared a comparison with the call in place of a boolean: `get_role(org_id) = 'owner'`
 * @param tree the whole predicate
 * @throws Unclear with the part that cannot be turned
 */
export function answerOf(
  { call, called, compared }: { call: FuncCall; called: CatalogFunction; compared?: Compared },
  scope: MembershipScope,
  tree: Node,
): Answer {
  const helpers: HelperFunction[] = []
  let needsIndexOn: string | undefined
  const reader = new AnswerReader(
    {
      ...scope,
      // One change can wait for one index.
      willLead: (column) =>
        (needsIndexOn === undefined || needsIndexOn === column) && scope.willLead?.(column) === true,
    },
    tree,
    (helper, index) => {
      helpers.push(helper)
      needsIndexOn ??= index
    },
  )
  const entered = enterFunction(call, called, scope)
  const part = compared
    ? reader.compared(compared.comparison, compared.side, entered)
    : allOf([...reader.strict(entered), reader.whenTrue(entered.body, entered)])
  const replacement = part.make()
  // Without a helper nothing was read for every row.
  if (helpers.length === 0) throw new Unclear('its body reads nothing that could be read once')
  return {
    replacement,
    helpers: [...new Set(helpers)],
    ...(needsIndexOn === undefined ? {} : { needsIndexOn }),
  }
}

/** The most arms that a condition of a query is split into. */
const mostArms = 8

class AnswerReader {
  readonly #scope: MembershipScope
  readonly #tree: Node
  readonly #use: (helper: HelperFunction, index?: string) => void

  constructor(scope: MembershipScope, tree: Node, use: (helper: HelperFunction, index?: string) => void) {
    this.#scope = scope
    this.#tree = tree
    this.#use = use
  }

  /** The condition that the expression is true. */
  whenTrue(node: Node, within: EnteredFunction): Part {
    const constant = constantIn(node)
    if (constant !== undefined) return constantPart(constant)
    if (rowParameters(node).length === 0) return this.#fixed(node, within)
    const logic = as(node, 'BoolExpr')
    if (logic?.boolop === 'NOT_EXPR') return this.#whenFalse(logic.args[0] as Node, within)
    if (logic)
      return (logic.boolop === 'AND_EXPR' ? allOf : anyOf)(this.#parts(logic.args, logic.boolop, within))
    const choice = as(node, 'CaseExpr')
    if (choice) return this.#chosen(node, within, (value) => this.whenTrue(value, within))
    const coalesce = as(node, 'CoalesceExpr')
    const [first, second, ...more] = coalesce?.args ?? []
    if (first && second && more.length === 0 && constantIn(second) === false)
      return this.whenTrue(first, within)
    const test = as(node, 'BooleanTest')
    if (test?.booltesttype === 'IS_TRUE') return this.whenTrue(test.arg, within)
    if (test?.booltesttype === 'IS_NOT_TRUE') return noneOf(this.whenTrue(test.arg, within))
    if (test?.booltesttype === 'IS_FALSE') return this.#whenFalse(test.arg, within)
    if (test?.booltesttype === 'IS_NOT_FALSE') return noneOf(this.#whenFalse(test.arg, within))
    const inCast = as(node, 'TypeCast')?.arg
    if (inCast && isBooleanCast(node) && this.#isBoolean(inCast)) return this.whenTrue(inCast, within)
    const link = as(node, 'SubLink')
    if (link) return this.#linked(link, within)
    const call = as(node, 'FuncCall')
    const called = call && this.#ownFunction(call)
    if (call && called) return this.#called(call, called, within)
    const comparison = as(node, 'A_Expr')
    if (comparison) return this.#comparison(comparison, within)
    return rowPart(node, within, this.#scope, this.#tree, this.#use)
  }

  #isBoolean(node: Node): boolean {
    if (isBooleanForm(node) || as(node, 'CaseExpr')) return true
    const link = as(node, 'SubLink')
    const [target] = as(link?.subselect, 'SelectStmt')?.targetList ?? []
    const value = as(target, 'ResTarget')?.val
    const { hazards, table } = this.#scope
    return link !== undefined && value !== undefined && hazards.typeOf(value, table, node) === 'boolean'
  }

  /** The conditions that a STRICT function is called at all. */
  strict(entered: EnteredFunction): Part[] {
    return strictParts(entered, this.#scope, this.#tree, this.#use)
  }

  /** The condition that the expression is false, and not NULL. */
  #whenFalse(node: Node, within: EnteredFunction): Part {
    const negated: Node = { BoolExpr: { boolop: 'NOT_EXPR', args: [node] } }
    if (rowParameters(node).length === 0) return this.#fixed(negated, within)
    const logic = as(node, 'BoolExpr')
    if (logic?.boolop === 'NOT_EXPR') return this.whenTrue(logic.args[0] as Node, within)
    if (logic) {
      const parts = logic.args.map((argument) => this.#whenFalse(argument, within))
      return logic.boolop === 'AND_EXPR' ? anyOf(parts) : allOf(parts)
    }
    if (isNeverNull(node)) return noneOf(this.whenTrue(node, within))
    if (as(node, 'CaseExpr')) return this.#chosen(node, within, (value) => this.#whenFalse(value, within))
    if (nodesIn(node).some((each) => 'SubLink' in each))
      throw new Unclear('its body has a sub-select under NOT whose answer may be NULL')
    return rowPart(negated, within, this.#scope, this.#tree, this.#use)
  }

  /** Arms without the row are computed together. */
  #parts(args: Node[], boolop: string, within: EnteredFunction): Part[] {
    const fixed = args.filter((each) => rowParameters(each).length === 0 && constantIn(each) === undefined)
    const others = args.filter((each) => !fixed.includes(each)).map((each) => this.whenTrue(each, within))
    const [only, ...more] = fixed
    if (!only) return others
    return [this.#fixed(more.length > 0 ? { BoolExpr: { boolop, args: fixed } } : only, within), ...others]
  }

  #fixed(node: Node, within: EnteredFunction): Part {
    return fixedPart(node, 'boolean', within, this.#scope, this.#use)
  }

  /** `CASE WHEN c THEN a ELSE b END` is `c AND a OR c IS NOT TRUE AND b`. */
  #chosen(node: Node, within: EnteredFunction, judge: (value: Node) => Part): Part {
    const choice = as(node, 'CaseExpr')
    if (!choice) return judge(node)
    const operand = choice.arg
    const [first, ...others] = choice.args
    const arm = first?.['CaseWhen'] as { expr: Node; result: Node } | undefined
    if (!arm) return choice.defresult ? this.#chosen(choice.defresult, within, judge) : judge(literal(null))
    const asked = operand ? equals(operand, arm.expr) : arm.expr
    const condition = this.whenTrue(asked, within)
    const yes = this.#chosen(arm.result, within, judge)
    const no = this.#chosen({ CaseExpr: { ...choice, args: others } }, within, judge)
    if (yes.constant === true) return anyOf([condition, no])
    return anyOf([allOf([condition, yes]), allOf([noneOf(condition), no])])
  }

  #linked(link: SubLink, within: EnteredFunction): Part {
    const select = as(link.subselect, 'SelectStmt')
    if (!select) throw new Unclear('its body has a query that cannot be read')
    if (link.subLinkType === 'EXISTS_SUBLINK') return this.#exists(select, within)
    if (link.subLinkType === 'ANY_SUBLINK') return this.#isIn(link, select, within)
    const target = as(select.targetList?.[0], 'ResTarget')?.val
    if (link.subLinkType !== 'EXPR_SUBLINK' || !target || select.targetList?.length !== 1)
      throw new Unclear('its body is not one EXISTS')
    if (isBare(select)) return this.whenTrue(target, within)
    const value = withoutCoalesce(target)
    const counted = countAboveZero(value)
    if (counted !== undefined) {
      const found = this.#exists(withTarget(select), within)
      return counted ? found : noneOf(found)
    }
    const condition = conditionOfAny(value)
    if (condition) return this.#exists(withCondition(withTarget(select), condition), within)
    if (constantIn(value) === true && takesFirst(select)) return this.#exists(withTarget(select), within)
    if (nodesIn(value).some((node) => 'FuncCall' in node))
      throw new Unclear('its body returns what a function makes of the rows that it finds')
    if (!this.#findsOne(select))
      throw new Unclear('its body looks up one value, and no unique key says that there is one row')
    return this.#exists(withCondition(withTarget(select), value), within)
  }

  /** Whether a unique key is compared with values from outside of the query. */
  #findsOne(select: SelectStmt): boolean {
    const plain = withoutLimit(select)
    const fixed = (plain.whereClause ? conjuncts(plain.whereClause) : []).filter((condition) => {
      const { lexpr, rexpr } = as(condition, 'A_Expr') ?? {}
      return [lexpr, rexpr].some(
        (side) => side && !nodesIn(side).some((each) => 'ColumnRef' in each || 'RangeVar' in each),
      )
    })
    const where = conjunction(fixed)
    return where !== undefined && this.#scope.hazards.findsOneAtMost({ ...plain, whereClause: where })
  }

  #exists(select: SelectStmt, within: EnteredFunction): Part {
    const { larg, rarg } = select
    if (larg && rarg) {
      if (select.op !== 'SETOP_UNION' || select.limitCount || select.limitOffset)
        throw new Unclear('its query is more than FROM and WHERE')
      return anyOf([this.#exists(larg, within), this.#exists(rarg, within)])
    }
    const link: SubLink = { subLinkType: 'EXISTS_SUBLINK', subselect: { SelectStmt: select } }
    if (rowParameters(select).length === 0) return this.#fixed({ SubLink: link }, within)
    if (nodesIn(select.targetList).some((node) => 'FuncCall' in node))
      throw new Unclear('its body is not one EXISTS')
    const plain = withoutLimit(select)
    const conditions = plain.whereClause ? conjuncts(plain.whereClause) : []
    const ofRow = conditions.filter((each) => rowParameters(each).length > 0 && !readsColumns(each))
    const inner = conditions.filter((each) => !ofRow.includes(each))
    const outer = ofRow.map((each) => this.whenTrue(each, within))
    const arms = inner.find((each) => disjuncts(each).length > 1 && rowParameters(each).length > 0)
    if (arms) {
      const all = disjuncts(arms)
      if (all.length > mostArms) throw new Unclear('a condition of its query has many arms')
      const rest = inner.filter((each) => each !== arms)
      const parts = all.map((arm) =>
        this.#exists(withConditions(plain, [...rest, ...conjuncts(arm)]), within),
      )
      return allOf([...outer, anyOf(parts)])
    }
    const query = withConditions(plain, inner)
    const left = rowParameters(query)
    const kept: SubLink = { ...link, subselect: { SelectStmt: query } }
    if (left.length === 0) return allOf([...outer, this.#fixed({ SubLink: kept }, within)])
    return allOf([...outer, this.#member(kept, left, within)])
  }

  #isIn(link: SubLink, select: SelectStmt, within: EnteredFunction): Part {
    const { larg, rarg } = select
    if (larg && rarg) {
      if (select.op !== 'SETOP_UNION' || select.limitCount || select.limitOffset)
        throw new Unclear('its query is more than FROM and WHERE')
      return anyOf([larg, rarg].map((side) => this.#isIn(link, side, within)))
    }
    return this.#member(
      { ...link, subselect: { SelectStmt: select } },
      rowParameters({ SubLink: link }),
      within,
    )
  }

  #member(link: SubLink, parameters: number[], within: EnteredFunction): Part {
    const [key = 0, ...others] = parameters
    if (others.length > 0) throw new Unclear('its query compares more than one column of the row')
    const { rights, ofRow } = within
    const asked = ofRow.get(key)
    if (!asked) throw new Unclear('its body uses a parameter that has no value in the call')
    const set = keysOfSet(link, key, this.#ownFunction.bind(this))
    const keys =
      set ?? keysOf(rights, { parts: [], result: { SubLink: link } }, key, new Map(), this.#scope.tables)
    const member = memberOf(rights, keys, asked, this.#scope, this.#tree)
    return {
      make: () => {
        const { replacement, helper, needsIndexOn } = member()
        this.#use(helper, needsIndexOn)
        return replacement
      },
    }
  }

  #called(call: FuncCall, called: CatalogFunction, within: EnteredFunction): Part {
    const entered = enterFunction(call, called, this.#scope, within)
    return allOf([...this.strict(entered), this.whenTrue(entered.body, entered)])
  }

  #comparison(comparison: OperatorExpression, within: EnteredFunction): Part {
    const node: Node = { A_Expr: comparison }
    const isEqual = comparison.kind === 'AEXPR_OP' && words(comparison.name).join() === '='
    if (isEqual && isTrue(comparison.rexpr) && comparison.lexpr)
      return this.whenTrue(comparison.lexpr, within)
    if (!isComparison(node)) return rowPart(node, within, this.#scope, this.#tree, this.#use)
    const side = sideToPush(comparison)
    if (side) {
      const value = withoutCasts(side)
      const call = as(value, 'FuncCall')
      const called = call && this.#ownFunction(call)
      if (call && called)
        return this.compared(comparison, side, enterFunction(call, called, this.#scope, within))
      if (as(value, 'CaseExpr'))
        return this.#chosen(value, within, (each) => this.whenTrue(withSide(comparison, side, each), within))
      const coalesce = as(value, 'CoalesceExpr')
      const [first, other, ...more] = coalesce?.args ?? []
      if (first && other && more.length === 0 && isLiteral(other)) {
        if (isOtherConstant(comparison, side, other))
          return this.whenTrue(withSide(comparison, side, first), within)
        throw new Unclear('its body compares a value or what stands for it where there is none')
      }
    }
    const exists = asExists(node, { findsOneAtMost: (select) => this.#findsOne(select) })
    if (exists) return this.#linked(exists, within)
    return rowPart(node, within, this.#scope, this.#tree, this.#use)
  }

  /** A comparison of what a function returns: as a comparison within its body. */
  compared(comparison: OperatorExpression, side: Node, entered: EnteredFunction): Part {
    const other = comparison.lexpr === side ? comparison.rexpr : comparison.lexpr
    if (!other || !isLiteral(other)) throw new Unclear('what it returns is compared with more than constants')
    const type = typeNamed(entered.called.returnType)
    if (!type) throw new Unclear(`it returns ${entered.called.returnType}, which no cast can name`)
    const judge = (value: Node): Part => this.whenTrue(withSide(comparison, side, cast(value, type)), entered)
    const strict = this.strict(entered)
    return allOf([...strict, this.#chosen(entered.body, entered, judge)])
  }

  /** The one function outside of pg_catalog that a call in a body can mean. */
  #ownFunction(call: FuncCall): CatalogFunction | undefined {
    const { reach } = this.#scope
    const { schema, name } = nameOf(call)
    if (schema === 'pg_catalog' || (schema === undefined && reach.functions.builtin.has(name)))
      return undefined
    const count = (call.args ?? []).length
    const [only, ...more] = (reach.byName.get(name) ?? []).filter(
      (each) =>
        each.schema === (schema ?? each.schema) &&
        count <= each.argumentTypes.length &&
        count >= each.argumentTypes.length - each.defaults,
    )
    if (more.length > 0) throw new Unclear(`${name}() has overloads with the same number of arguments`)
    return only
  }
}
