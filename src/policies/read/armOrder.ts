import { canonical, wrappedIn } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as } from '../../syntax/nodes.ts'
import { childNodes } from '../../syntax/replaceNodes.ts'
import { nameOfCall } from './calls.ts'
import { comparedWithColumns } from './exposed.ts'
import type { Hazards } from './hazards.ts'

/** What is known when an arm of an OR changes its place. */
export interface ArmOrder {
  /** The predicate as it is today. */
  before: Node
  hazards: Hazards
  /** Whether evaluating the expression may come to a function that tells who is calling. */
  asksCaller(tree: Node): boolean
}

/**
 * Whether an arm of an OR may be evaluated before arms that come before it today. It must not raise an error: today, a
 * row that another arm lets pass never meets it. It may ask who is calling where the planner asks anyway, and if all of
 * the other arms ask too, since for a new row nothing is planned.
 *
 * @param passed the arms before which it comes
 */
export function mayComeEarlier(arm: Node, passed: Node[], order: ArmOrder): boolean {
  if (order.hazards.of(arm) !== undefined) return false
  return asksNobody(arm) || (asksNothingEarlier(arm, order) && passed.every(order.asksCaller))
}

/** Made of columns, constants and built-in functions: it asks nothing about the caller. */
function asksNobody(node: Node): boolean {
  if (as(node, 'SubLink') || 'SQLValueFunction' in node) return false
  const call = as(node, 'FuncCall')
  return (!call || !mayAsk(node)) && childNodes(node).every(asksNobody)
}

/** Whether the planner evaluates everything that the expression asks, before the statement looks at a row. */
function asksNothingEarlier(node: Node, { before, hazards }: Pick<ArmOrder, 'before' | 'hazards'>): boolean {
  const wrapped = wrappedIn(node)
  if (wrapped) return asksNothingEarlier(wrapped, { before, hazards })
  if (as(node, 'SubLink')) return false
  if (mayAsk(node)) {
    if (hazards.callsVolatile(node)) return false
    return comparedWithColumns(before).some((side) => holdsBare(side, canonical(node)))
  }
  return childNodes(node).every((child) => asksNothingEarlier(child, { before, hazards }))
}

/** What is in a sub-select runs only when its value is needed. */
function holdsBare(node: Node, text: string): boolean {
  if (as(node, 'SubLink')) return false
  return canonical(node) === text || childNodes(node).some((child) => holdsBare(child, text))
}

function mayAsk(node: Node): boolean {
  const call = as(node, 'FuncCall')
  if (!call) return false
  const { schema, name } = nameOfCall(call)
  return schema !== 'pg_catalog' || name === 'current_setting'
}
