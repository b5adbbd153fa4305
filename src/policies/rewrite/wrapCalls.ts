import { cast, scalarSubselect } from '../../syntax/build.ts'
import { isBare } from '../../syntax/expression.ts'
import type { FuncCall, Node, OperatorExpression, TypeName } from '../../syntax/nodes.ts'
import { as, kindOf, nodesIn, words } from '../../syntax/nodes.ts'
import { childNodes, replaceBelow, replaceNodes } from '../../syntax/replaceNodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import {
  candidatesFor,
  nameOfCall,
  notesOnVolatile,
  show,
  whyCallMustStay,
  whyNotOncePerStatement,
} from '../read/calls.ts'
import type { Scope } from '../read/calls.ts'
import type { Change, Refusal, Rewritten, RewriteRule } from './change.ts'
import { stepsIfVolatile } from './change.ts'
import { whyExposed } from '../read/exposed.ts'
import { firstOf } from '../read/firstOf.ts'
import { typeNamed } from '../read/typeNames.ts'

/**
 * Wraps calls that do not depend on the row in a sub-select, so that an InitPlan computes them once per statement. The
 * outermost such expression is wrapped; its arguments may be constants and other calls.
 *
 * ```sql
 * (owner = auth.uid())                         -- before
 * (owner = (SELECT auth.uid()))                -- after
 *
 * (org = ((auth.jwt() ->> 'org'))::uuid)
 * (org = (SELECT ((auth.jwt() ->> 'org'))::uuid))
 *
 * (team = ANY (public.my_teams()))
 * (team = ANY ((SELECT public.my_teams())::uuid[]))
 * ```
 *
 * PostgreSQL evaluates an InitPlan at its first use, so a call in an arm of CASE or COALESCE that is never reached is
 * still never made.
 *
 * Left alone: calls with columns of the row, set-returning functions, VOLATILE ones that may see what the command
 * changes, aggregates, calls that have a
 * sub-select of their own already, IMMUTABLE calls on constants (the planner computes those), and cheap built-in
 * functions such as `now()`, which the planner estimates better when it sees them.
 */
export function wrapCalls(tree: Node, scope: Scope, rules: ReadonlySet<RewriteRule>): Rewritten {
  const changes: Change[] = []
  const refusals: Refusal[] = []

  const replace = (node: Node): Node | undefined => {
    // A function in FROM runs once per run of its query.
    if (runsOnce(node) || as(node, 'RangeFunction')) return node
    const select = as(node, 'SelectStmt')
    const risk = select?.fromClause && hasCallToWrap(node) ? scope.hazards.ofRows.of(node) : undefined
    if (risk) {
      refuseWithin(node, risk.what)
      return node
    }
    if (select && (select.groupClause || select.distinctClause || select.windowClause)) {
      // GROUP BY, DISTINCT and the SELECT list must match one another, so only FROM and WHERE may change.
      const { whereClause, fromClause } = select
      return { SelectStmt: { ...select, ...replaceBelow({ whereClause, fromClause }, replace) } }
    }
    const array = arrayOperand(node)
    if (array) return replaceArrayOperand(array, replace)
    return wrap(node, (wrapped) => wrapped)
  }

  const hasCallToWrap = (node: Node): boolean =>
    Array.from(unwrappedCalls(node)).some((call) => ruleOf({ FuncCall: call }, scope) !== undefined)

  /** The plan of a query decides which conditions run for which rows, and wrapping a call changes the plan. */
  const refuseWithin = (query: Node, what: string): void => {
    for (const call of unwrappedCalls(query)) {
      const rule = ruleOf({ FuncCall: call }, scope)
      if (!rule || !rules.has(rule)) continue
      const reason = `its sub-select may raise an error for some rows (${what}), and its plan would change`
      refusals.push({ rule, was: show({ FuncCall: call }), reason })
    }
  }

  /** `x = ANY (f())`: a bare sub-select there would mean its rows, so the cast to the array's type goes around it. */
  const replaceArrayOperand = (
    expression: OperatorExpression,
    replaceIn: (node: Node) => Node | undefined,
  ): Node => {
    const { lexpr, rexpr } = expression
    const type = rexpr && typeOf(rexpr, scope)
    const right =
      rexpr &&
      ((type && wrap(rexpr, (wrapped) => cast(wrapped, type))) ??
        // If its type is not known the array cannot be wrapped as a whole, but its parts can.
        replaceBelow(rexpr, replaceIn))
    return {
      A_Expr: { ...expression, ...(lexpr ? { lexpr: replaceNodes(lexpr, replaceIn) } : {}), rexpr: right },
    }
  }

  const wrap = (node: Node, finish: (wrapped: Node) => Node): Node | undefined => {
    if (!computesValue(node) || rowReferences(node).length > 0) return undefined
    const rule = ruleOf(node, scope)
    if (!rule) return undefined
    const call = as(node, 'FuncCall')
    const reason =
      whyNotOncePerStatement(node, scope) ??
      (rules.has(rule) ? whyExposed(node, tree, scope.hazards) : undefined)
    if (reason === undefined) {
      if (!rules.has(rule)) return node
      const inner = replaceBelow(node, withinSubselects(replace))
      const wrapped = finish(scalarSubselect(inner))
      const notes = notesOnVolatile(node, scope)
      const form = notes.length > 0 ? { notes } : {}
      changes.push({ rule, was: show(node), becomes: show(wrapped), ...form })
      return wrapped
    }
    if (call && rules.has(rule) && !isSetOrAggregate(call, scope)) {
      const own = whyCallMustStay(call, scope)
      // If the reason is a call in the arguments, that call gets the refusal.
      if (own !== undefined || !hasOffender(call, scope)) {
        const steps = stepsIfVolatile(candidatesFor(call, scope))
        refusals.push({ rule, was: show(node), reason: own ?? reason, ...steps })
      }
    }
    return undefined
  }

  return { tree: replaceNodes(tree, replace), changes, refusals }
}

/** Everything in a wrapped expression runs once, except in its sub-selects, which have rows of their own. */
function withinSubselects(replace: (node: Node) => Node | undefined): (node: Node) => Node | undefined {
  return (node) => (as(node, 'SelectStmt') ? (replace(node) ?? replaceBelow(node, replace)) : undefined)
}

/** Whether it is the query of `(SELECT f())`, without FROM and without a column of the row: it runs only once. */
function runsOnce(node: Node): boolean {
  const select = as(node, 'SelectStmt')
  return select !== undefined && isBare(select) && rowReferences(node).length === 0
}

function arrayOperand(node: Node): OperatorExpression | undefined {
  const expression = as(node, 'A_Expr')
  if (!expression?.rexpr) return undefined
  return expression.kind === 'AEXPR_OP_ANY' || expression.kind === 'AEXPR_OP_ALL' ? expression : undefined
}

/** Operators that compute a value. Comparisons stay outside of the sub-select, where they can use an index. */
const computingOperators = new Set(['->', '->>', '#>', '#>>', '||', '+', '-', '*', '/', '%', '^'])
const computingKinds = new Set([
  'FuncCall',
  'TypeCast',
  'CoalesceExpr',
  'MinMaxExpr',
  'CaseExpr',
  'A_Indirection',
  'CollateClause',
])

function computesValue(node: Node): boolean {
  if (computingKinds.has(kindOf(node))) return true
  const expression = as(node, 'A_Expr')
  if (!expression) return false
  if (expression.kind === 'AEXPR_NULLIF') return true
  return expression.kind === 'AEXPR_OP' && computingOperators.has(words(expression.name).at(-1) ?? '')
}

/**
 * The rule that the expression breaks; undefined if nothing in it is worth a sub-select of its own. Calls in it that are
 * already wrapped do not count.
 */
function ruleOf(node: Node, scope: Scope): RewriteRule | undefined {
  let rule: RewriteRule | undefined
  for (const call of unwrappedCalls(node)) {
    if (isAuthCall(call)) rule ??= 'auth_rls_initplan'
    else if (isWorthWrapping(call, scope)) return 'policy_function_initplan'
  }
  return rule
}

function* unwrappedCalls(node: Node): Generator<FuncCall> {
  if (runsOnce(node)) return
  const call = as(node, 'FuncCall')
  if (call) yield call
  for (const child of childNodes(node)) yield* unwrappedCalls(child)
}

/** Calls that Supabase's linter knows too: they read who is calling from the settings of the request. */
function isAuthCall(call: FuncCall): boolean {
  const { schema, name } = nameOfCall(call)
  if (schema === 'auth') return ['uid', 'jwt', 'role', 'email'].includes(name)
  return schema === 'pg_catalog' && name === 'current_setting'
}

/** False for IMMUTABLE calls on constants, which the planner computes itself, and for built-in functions, which are cheap. */
function isWorthWrapping(call: FuncCall, scope: Scope): boolean {
  const { schema } = nameOfCall(call)
  if (schema === 'pg_catalog') return false
  const candidates = candidatesFor(call, scope)
  const isConstant =
    candidates.length > 0 &&
    candidates.every(
      ({ volatility, oid }) => volatility === 'immutable' && !scope.falselyImmutable.has(oid),
    ) &&
    nodesIn(call.args ?? []).every((node) => !as(node, 'SubLink') && !as(node, 'FuncCall'))
  return !isConstant
}

function hasOffender(call: FuncCall, scope: Scope): boolean {
  return (call.args ?? []).some((argument) =>
    Array.from(unwrappedCalls(argument)).some(
      (each) => ruleOf({ FuncCall: each }, scope) && whyCallMustStay(each, scope) !== undefined,
    ),
  )
}

function isSetOrAggregate(call: FuncCall, scope: Scope): boolean {
  return candidatesFor(call, scope).some(({ returnsSet, kind }) => returnsSet || kind !== 'f')
}

/** The type of an array expression, if it is known without asking the server. */
function typeOf(node: Node, scope: Scope): TypeName | undefined {
  const typeCast = as(node, 'TypeCast')
  if (typeCast) return typeCast.typeName
  const call = as(node, 'FuncCall')
  if (call) {
    const types = new Set(candidatesFor(call, scope).map(({ returnType }) => returnType))
    const [type] = types
    return types.size === 1 && type !== undefined && !type.startsWith('any') ? typeNamed(type) : undefined
  }
  return firstOf(as(node, 'CoalesceExpr')?.args ?? [], (argument) => typeOf(argument, scope))
}
