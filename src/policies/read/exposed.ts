import { canonical, sameTree, wrappedIn } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, nodesIn } from '../../syntax/nodes.ts'
import { replaceNodes } from '../../syntax/replaceNodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import type { Hazards } from './hazards.ts'

/**
 * Why a call that reads nothing of the row may not be wrapped in a sub-select, although the answer is the same. It may
 * raise an error, and today other conditions decide whether it is called at all. PostgreSQL evaluates cheap conditions
 * first, and a wrapped call is cheap. The other conditions may be in the same policy, in policies for other commands that
 * an UPDATE also has to pass, or in the query itself.
 *
 * A call that is compared with a column is safe unless it is VOLATILE: the planner runs it anyway, to estimate the number
 * of rows.
 *
 * @param tree the whole predicate of which the call is a part
 */
export function whyExposed(call: Node, tree: Node, hazards: Hazards): string | undefined {
  const hazard = hazards.of(call)
  if (!hazard) return undefined
  if (hazard.isOnPurpose) {
    return `${hazard.what}, and calling it earlier would change who gets that error`
  }
  if (runsFirst(call, tree, hazards)) return undefined
  return `it may end with an error (${hazard.what}), and conditions that keep it from being called today would no longer come first`
}

/**
 * Whether a new sub-select may run where nothing ran before. That is so for every set of keys, and for a wrapped call
 * unless the planner runs it anyway.
 */
export function mayBeAskedEarlier(
  part: Node,
  before: Node,
  hazards: Pick<Hazards, 'callsVolatile'>,
): boolean {
  const value = wrappedIn(part)
  if (!value || holdsQuery(value)) return true
  const call = nodesIn(before).find((node) => sameTree(node, value))
  return !call || !runsFirst(call, before, hazards)
}

function runsFirst(call: Node, tree: Node, hazards: Pick<Hazards, 'callsVolatile'>): boolean {
  if (hazards.callsVolatile(call)) return false
  return comparedWithColumns(tree).some((each) => nodesIn(each).includes(call))
}

function holdsQuery(tree: Node): boolean {
  return nodesIn(tree).some((node) => 'SubLink' in node)
}

/**
 * The other sides of comparisons with a column: the planner runs them before the statement, in any context, unless they
 * call a VOLATILE function.
 */
export function comparedWithColumns(condition: Node): Node[] {
  const connective = as(condition, 'BoolExpr')
  if (connective) return connective.args.flatMap(comparedWithColumns)
  const comparison = as(condition, 'A_Expr')
  const { lexpr, rexpr } = comparison ?? {}
  if (!lexpr || !rexpr || !['AEXPR_OP', 'AEXPR_OP_ANY'].includes(comparison?.kind ?? '')) return []
  if ('ColumnRef' in lexpr) return [rexpr]
  return 'ColumnRef' in rexpr ? [lexpr] : []
}

/** The new sub-selects of a rewritten predicate that read nothing of the row, so that they run once per statement. */
export function newlyAtOnce(before: Node, after: Node): Node[] {
  const known = new Set(nodesIn(before).flatMap((node) => ('SubLink' in node ? [canonicalQuery(node)] : [])))
  const found: Node[] = []
  replaceNodes(after, (node) => {
    const link = as(node, 'SubLink')
    if (!link || rowReferences(link.subselect).length > 0) return undefined
    // The expression to the left of IN reads the row, so only the query counts.
    const alone = {
      SubLink: { subLinkType: link.testexpr ? 'ARRAY_SUBLINK' : link.subLinkType, subselect: link.subselect },
    }
    if (!known.has(canonicalQuery(node))) found.push(alone)
    return undefined
  })
  return found
}

/** The query without the sub-selects that wrap its calls: with or without them, it ran once per statement. */
function canonicalQuery(node: Node): string {
  return canonical(withoutWraps(as(node, 'SubLink')?.subselect))
}

function withoutWraps<T>(tree: T): T {
  return replaceNodes(tree, (node) => {
    const value = wrappedIn(node)
    return value && withoutWraps(value)
  })
}
