import { cast, scalarSubselect } from '../../syntax/build.ts'
import { isBare } from '../../syntax/expression.ts'
import type { FuncCall, Node, OperatorExpression, TypeName } from '../../syntax/nodes.ts'
import { as, kindOf, nodesIn, words } from '../../syntax/nodes.ts'
import { childNodes, replaceBelow, replaceNodes } from '../../syntax/replaceNodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import { candidatesFor, nameOfCall, show, whyCallMustStay, whyNotOncePerStatement } from '../read/calls.ts'
import type { Scope } from '../read/calls.ts'
import type { Change, Refusal, Rewritten, RewriteRule } from './change.ts'
import { stepsIfVolatile } from './change.ts'
import { whyExposed } from '../read/exposed.ts'
import { firstOf } from '../read/firstOf.ts'
import { typeNamed } from '../read/typeNames.ts'

/**
 * Lets what does not depend on the row be computed once per statement, by an InitPlan, and not for every row.
 * The outermost expression of calls is wrapped; arguments may be constants and other calls.
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
 * PostgreSQL evaluates an InitPlan at its first use, as lazily as the call itself, so a call in an arm of CASE
 * or COALESCE that is never reached is still never made.
 *
 * Left alone: calls of columns of the row, VOLATILE and set-returning functions, aggregates, what is in a
 * sub-select of its own already, IMMUTABLE calls on constants (the planner computes those) and the server's
 * own cheap functions such as `now()`, which the planner estimates better when it sees them.
 */
export function wrapCalls(tree: Node, scope: Scope, rules: ReadonlySet<RewriteRule>): Rewritten {
  const changes: Change[] = []
  const refusals: Refusal[] = []

  const replace = (node: Node): Node | undefined => {
    // What a function in FROM returns is read once per run of its query.
    if (runsOnce(node) || as(node, 'RangeFunction')) return node
    const select = as(node, 'SelectStmt')
    const risk = select?.fromClause && hasCallToWrap(node) ? scope.hazards.ofRows.of(node) : undefined
    if (risk) {
      refuseWithin(node, risk.what)
      return node
    }
    if (select && (select.groupClause || select.distinctClause || select.windowClause)) {
      // Its expressions are matched with one another: only what comes before grouping may change.
      const { whereClause, fromClause } = select
      return { SelectStmt: { ...select, ...replaceBelow({ whereClause, fromClause }, replace) } }
    }
    const array = arrayOperand(node)
    if (array) return replaceArrayOperand(array, replace)
    return wrap(node, (wrapped) => wrapped)
  }

  const hasCallToWrap = (node: Node): boolean =>
    Array.from(unwrappedCalls(node)).some((call) => ruleOf({ FuncCall: call }, scope) !== undefined)

  /** How a query is planned decides which of its conditions are asked of which rows, and wrapped it is planned otherwise. */
  const refuseWithin = (query: Node, what: string): void => {
    for (const call of unwrappedCalls(query)) {
      const rule = ruleOf({ FuncCall: call }, scope)
      if (!rule || !rules.has(rule)) continue
      const reason = `its sub-select may end with an error for some rows (${what}), and would be planned otherwise`
      refusals.push({ rule, was: show({ FuncCall: call }), reason })
    }
  }

  /** `x = ANY (f())`: a bare sub-select there would mean its rows, so the cast to the array's type stays around it. */
  const replaceArrayOperand = (
    expression: OperatorExpression,
    replaceIn: (node: Node) => Node | undefined,
  ): Node => {
    const { lexpr, rexpr } = expression
    const type = rexpr && typeOf(rexpr, scope)
    const right =
      rexpr &&
      ((type && wrap(rexpr, (wrapped) => cast(wrapped, type))) ??
        // Without its type the array cannot be wrapped whole; what it is made of can.
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
      changes.push({ rule, was: show(node), becomes: show(wrapped) })
      return wrapped
    }
    if (call && rules.has(rule) && !isSetOrAggregate(call, scope)) {
      const own = whyCallMustStay(call, scope)
      // Where an argument is at fault and is a call of its own, that one is refused by name.
      if (own !== undefined || !hasOffender(call, scope)) {
        const steps = stepsIfVolatile(candidatesFor(call, scope))
        refusals.push({ rule, was: show(node), reason: own ?? reason, ...steps })
      }
    }
    return undefined
  }

  return { tree: replaceNodes(tree, replace), changes, refusals }
}

/** What is below an expression that is wrapped whole runs once; only within its sub-selects is there a row again. */
function withinSubselects(replace: (node: Node) => Node | undefined): (node: Node) => Node | undefined {
  return (node) => (as(node, 'SelectStmt') ? (replace(node) ?? replaceBelow(node, replace)) : undefined)
}

/** The query of `(SELECT f())`, without FROM and without a column of the row: computed once already. */
function runsOnce(node: Node): boolean {
  const select = as(node, 'SelectStmt')
  return select !== undefined && isBare(select) && rowReferences(node).length === 0
}

function arrayOperand(node: Node): OperatorExpression | undefined {
  const expression = as(node, 'A_Expr')
  if (!expression?.rexpr) return undefined
  return expression.kind === 'AEXPR_OP_ANY' || expression.kind === 'AEXPR_OP_ALL' ? expression : undefined
}

/** Operators that compute a value; comparisons stay outside of the wrap, where an index can serve them. */
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
 * The rule that the expression breaks; undefined where nothing in it is worth a sub-select of its own. What
 * is wrapped within it already is not counted.
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

/** Those that Supabase's linter knows too: who is calling, read from the settings of the request. */
function isAuthCall(call: FuncCall): boolean {
  const { schema, name } = nameOfCall(call)
  if (schema === 'auth') return ['uid', 'jwt', 'role', 'email'].includes(name)
  return schema === 'pg_catalog' && name === 'current_setting'
}

/** The planner computes IMMUTABLE calls on constants by itself, and the server's own functions are cheap. */
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

/** The type of an array expression, where it can be told without the server. */
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
