import { call as callOf, scalarSubselect } from '../../syntax/build.ts'
import { wrappedIn } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as } from '../../syntax/nodes.ts'
import { replaceBelow, replaceNodes } from '../../syntax/replaceNodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { show } from '../read/calls.ts'
import type { Surroundings } from '../read/privateSchema.ts'
import { privateSchema } from '../read/privateSchema.ts'
import type { Change, Refusal, Rewritten } from './change.ts'
import type { ClaimHelpers } from './claimHelpers.ts'
import type { HelperFunction } from './helperFunctions.ts'

/** What is known of functions such as `auth.uid()`. */
export interface ClaimScope {
  /** The function, if the node calls one. */
  claimFunction(node: Node): CatalogFunction | undefined
  helpers: ClaimHelpers
  surroundings: Surroundings
}

/** A predicate whose calls are planned once per session, and the functions that it calls for that. */
export interface PlannedOnce extends Rewritten {
  helpers: HelperFunction[]
}

const rule = 'auth_function_planning'

/**
 * Calls, in place of `auth.uid()` and the like, a function whose body PostgreSQL plans once per session. It parses and
 * inlines the body of a SQL function at every mention in every statement.
 *
 * ```sql
 * (owner = (SELECT auth.uid()))                  -- before: 0.02 ms for planning, in every statement
 * (owner = (SELECT private.current_user_id()))   -- after: 0.003 ms
 * ```
 *
 * Only calls that run once per statement are replaced: for each row, the inlined body costs less than a call.
 */
export function planOnce(tree: Node, scope: ClaimScope): PlannedOnce {
  const changes: Change[] = []
  const refusals: Refusal[] = []
  const helpers: HelperFunction[] = []

  const replacementFor = (node: Node): Node | undefined => {
    const called = scope.claimFunction(node)
    if (!called) return undefined
    const was = show(node)
    const reason = whyNoHelper(called, scope)
    if (reason !== undefined) {
      refusals.push({ rule, was, reason })
      return undefined
    }
    const helper = scope.helpers.for(called)
    const replacement = callOf([privateSchema, helper.name])
    changes.push({ rule, was, becomes: show(scalarSubselect(replacement)) })
    helpers.push(helper)
    return replacement
  }

  const inTree = (node: Node): Node | undefined => {
    const value = wrappedIn(node)
    if (!value || rowReferences(value).length > 0) return undefined
    const replacement = replacementFor(value)
    // A new sub-select, since PostgreSQL names the column of the old one after the function.
    return replacement ? scalarSubselect(replacement) : replaceBelow(node, withinOnce)
  }
  /** The `SELECT` itself belongs to the sub-select; a query within it has rows of its own. */
  const withinOnce = (node: Node): Node | undefined => {
    if (as(node, 'SubLink')) return inTree(node) ?? replaceBelow(node, inTree)
    return replacementFor(node)
  }

  return { tree: replaceNodes(tree, inTree), changes, refusals, helpers }
}

function whyNoHelper(called: CatalogFunction, { surroundings, helpers }: ClaimScope): string | undefined {
  const shown = `${called.schema}.${called.name}()`
  if (!called.mayExecute) return `a helper made here could not call ${shown}`
  if (surroundings.mayCreate || helpers.for(called).exists) return undefined
  return `no helper can be created in schema ${privateSchema}`
}
