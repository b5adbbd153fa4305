import { wrappedIn } from '../../syntax/expression.ts'
import type { FuncCall, Node, TypeName } from '../../syntax/nodes.ts'
import { as } from '../../syntax/nodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import { candidatesFor, nameOfCall, notesOnVolatile, show } from '../read/calls.ts'
import { completeArguments } from './completeArguments.ts'
import type { Change, Refusal, Rewritten } from './change.ts'
import { stepsIfVolatile } from './change.ts'
import { readsChanging } from '../read/declarations.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { keysOf } from '../read/membershipBody.ts'
import { replaceInContext } from '../read/positiveContext.ts'
import { Unclear } from '../read/queryColumns.ts'
import { typeNamed } from '../read/typeNames.ts'
import type { Answer, Compared } from './answer.ts'
import { answerOf } from './answer.ts'
import { isComparison, isLiteral } from './answerParts.ts'
import type { HelperFunction } from './helperFunctions.ts'
import type { Member, MembershipScope } from './memberOf.ts'
import { memberOf, namesCallerOrConstant } from './memberOf.ts'
import { withoutCasts } from './queryParts.ts'
import { refuseUnfit } from './refuseUnfit.ts'

const rule = 'policy_membership_function'

/**
 * Reads the keys for which a membership function returns true once per statement, in place of the memberships for every
 * row.
 *
 * ```sql
 * public.is_org_member(org_id)                                        -- before
 * org_id = ANY ((SELECT private.is_org_member_org_ids())::uuid[])     -- after, where an index leads on org_id
 * org_id IN (SELECT unnest((SELECT private.is_org_member_org_ids()))) -- after, elsewhere
 * ```
 *
 * For a NULL argument the function returns false, and the comparison returns NULL. Both keep the row out, except under
 * NOT and in expressions that distinguish the two.
 */
export function turnMembership(
  tree: Node,
  scope: MembershipScope,
): Rewritten & { helpers: HelperFunction[] } {
  const changes: Change[] = []
  const refusals: Refusal[] = []
  const helpers: HelperFunction[] = []

  const change = (node: Node, { replacement, helpers: needed, ...form }: Answer): Node => {
    const notes = notesOnVolatile(node, scope)
    const noted = notes.length > 0 ? { notes } : {}
    changes.push({ rule, was: show(node), becomes: show(replacement), ...form, ...noted })
    helpers.push(...needed)
    return replacement
  }
  const refuse = (node: Node, called: CatalogFunction, error: unknown): Node => {
    if (!(error instanceof Unclear)) throw error
    refusals.push({ rule, was: show(node), reason: error.message, ...stepsIfVolatile([called]) })
    return node
  }
  const result = replaceInContext(tree, (node, isPositive) => {
    const compared = isPositive ? comparedCall(node, scope) : undefined
    if (compared) {
      try {
        refuseUnfit(compared.call, compared.called, scope)
        return change(node, answerOf(compared, scope, tree))
      } catch (error) {
        return refuse(node, compared.called, whyNotCompared(compared.called, error))
      }
    }
    const membership = membershipCall(node, scope)
    if (!membership) return undefined
    try {
      refuseOtherAnswers(membership.called)
      if (!isPositive) throw new Unclear('it is under NOT or in a place where NULL and false differ')
      return change(node, turn(membership.call, membership.called, scope, tree))
    } catch (error) {
      return refuse(node, membership.called, error)
    }
  })
  return { tree: result, changes, refusals, helpers }
}

/** `f(org_id) = 'owner'` and `f(org_id) IN ('owner', 'admin')`, where `f` returns no boolean. */
function comparedCall(
  node: Node,
  scope: MembershipScope,
): { call: FuncCall; called: CatalogFunction; compared: Compared } | undefined {
  const comparison = as(node, 'A_Expr')
  const { lexpr, rexpr } = comparison ?? {}
  if (!comparison || !lexpr || !rexpr || !isComparison(node)) return undefined
  const side = isLiteral(rexpr) ? lexpr : isLiteral(lexpr) ? rexpr : undefined
  const found = side && membershipCall(withoutCasts(side), scope)
  if (!found || found.called.returnType === 'boolean' || !as(withoutCasts(side), 'FuncCall')) return undefined
  return { ...found, compared: { comparison, side } }
}

/** The function's kind is the first thing to say of it. */
function whyNotCompared(called: CatalogFunction, error: unknown): unknown {
  if (!(error instanceof Unclear)) return error
  return new Unclear(
    `${whatItReturns(called)}, and its comparison with constants cannot be one: ${error.message}`,
  )
}

/**
 * `f(org_id, ...)`, or `(SELECT f(t.org_id))`, which is wrapped in vain. `f` depends on the row, and either returns a
 * boolean or reads a table.
 */
function membershipCall(
  node: Node,
  scope: MembershipScope,
): { call: FuncCall; called: CatalogFunction } | undefined {
  const call = as(node, 'FuncCall') ?? as(wrappedIn(node), 'FuncCall')
  if (!call || nameOfCall(call).schema === 'pg_catalog') return undefined
  const [called] = candidatesFor(call, scope)
  if (called?.kind !== 'f' || called.returnsSet) return undefined
  if (!['sql', 'plpgsql'].includes(called.language)) return undefined
  if (called.returnType !== 'boolean' && readsChanging(called, scope.reach) === undefined) return undefined
  return rowReferences(call.args ?? []).length > 0 ? { call, called } : undefined
}

/** As one set of keys; else as several of them, and values. */
function turn(call: FuncCall, called: CatalogFunction, scope: MembershipScope, tree: Node): Answer {
  refuseUnfit(call, called, scope)
  try {
    const { replacement, helper, ...form } = turnIntoKeys(call, called, scope, tree)
    return { replacement, helpers: [helper], ...form }
  } catch (one) {
    if (!(one instanceof Unclear)) throw one
    try {
      return answerOf({ call, called }, scope, tree)
    } catch (parts) {
      if (!(parts instanceof Unclear) || one.message === parts.message) throw one
      throw new Unclear(`${one.message}; and in parts it cannot be turned either: ${parts.message}`)
    }
  }
}

function turnIntoKeys(call: FuncCall, called: CatalogFunction, scope: MembershipScope, tree: Node): Member {
  if (called.isStrict && called.argumentTypes.length > 1) {
    throw new Unclear(
      `${called.schema}.${called.name}(${called.args}) is STRICT, so it returns NULL if any of its arguments is NULL`,
    )
  }
  const { reach, hazards } = scope
  const body = reach.bodies.get(called.oid)
  if (!body) throw new Unclear(reach.unreadable.get(called.oid) ?? 'its body cannot be read')
  const args = completeArguments(call, called, body)
  const ofRow = args.flatMap((argument, position) => (rowReferences(argument).length > 0 ? [position] : []))
  const [key = 0] = ofRow
  if (ofRow.length > 1) throw new Unclear('more than one of its arguments holds a column of the row')
  const values = new Map<number, { value: Node; type: TypeName | undefined }>()
  for (const [position, value] of args.entries()) {
    if (position === key) continue
    if (!namesCallerOrConstant(value) || !hazards.readsOnlySettings(value)) {
      throw new Unclear(`its argument ${show(value)} is neither a constant nor the caller's identity`)
    }
    values.set(position, { value, type: typeNamed(called.argumentTypes[position]) })
  }
  const keys = keysOf(called, body, key, values, scope.tables)
  const asked = { side: args[key] as Node, parameter: called.argumentTypes[key] ?? '' }
  return memberOf(called, keys, asked, scope, tree)()
}

function refuseOtherAnswers(called: CatalogFunction): void {
  if (called.returnType !== 'boolean') throw new Unclear(whatItReturns(called))
}

function whatItReturns({ schema, name, args, returnType }: CatalogFunction): string {
  return `${schema}.${name}(${args}) returns ${returnType}: only a boolean can say who is a member`
}
