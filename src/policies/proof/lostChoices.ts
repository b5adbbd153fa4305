import type { Node, SelectStmt } from '../../syntax/nodes.ts'
import { as, nodesIn } from '../../syntax/nodes.ts'
import type { CalledFunction } from './bodies.ts'
import { callsIn } from './bodies.ts'

/**
 * How a query chooses among rows that its conditions let pass, where the new predicate no longer does. A few rows show
 * nothing of it: without LIMIT an answer is another one only for who has two rows.
 *
 * ```sql
 * org_id IN (SELECT m.org_id FROM members m WHERE m.user_id = auth.uid() ORDER BY m.level LIMIT 1)
 * org_id IN (SELECT m.org_id FROM members m WHERE m.user_id = auth.uid()) -- ['LIMIT']
 * ```
 *
 * A LIMIT does not choose where a unique key finds one row at most, or where each row says the same: `SELECT true FROM ...`.
 */
export function lostChoices(
  old: Node,
  now: Node,
  functions: CalledFunction[],
  findsOneAtMost: (select: SelectStmt) => boolean = () => false,
): string[] {
  const [before, after] = [old, now].map((tree) =>
    withBodies(tree, functions).flatMap((each) => choicesIn(each, findsOneAtMost)),
  )
  return choices.map(({ name }) => name).filter((name) => countOf(before, name) > countOf(after, name))
}

const choices: { name: string; isIn(select: SelectStmt): boolean }[] = [
  { name: 'LIMIT', isIn: ({ limitCount }) => limitCount !== undefined },
  { name: 'OFFSET', isIn: ({ limitOffset }) => limitOffset !== undefined },
  {
    name: 'DISTINCT ON',
    isIn: (select) => (select.distinctClause ?? []).some((each) => Object.keys(each).length > 0),
  },
  { name: 'GROUP BY', isIn: ({ groupClause }) => groupClause !== undefined },
  { name: 'HAVING', isIn: ({ havingClause }) => havingClause !== undefined },
]

function choicesIn(tree: Node, findsOneAtMost: (select: SelectStmt) => boolean): string[] {
  const asked = new Set<unknown>()
  return nodesIn(tree).flatMap((node) => {
    const link = as(node, 'SubLink')
    if (link?.subLinkType === 'EXISTS_SUBLINK') asked.add(link.subselect)
    const select = as(node, 'SelectStmt')
    if (!select || (asked.has(node) && takesAny(select))) return []
    const names = choices.filter(({ isIn }) => isIn(select)).map(({ name }) => name)
    const isSame = takesAny(select) && (saysTheSame(select) || findsOneAtMost(select))
    return isSame ? names.filter((name) => name !== 'LIMIT') : names
  })
}

/** What EXISTS finds with any LIMIT above 0 and in any group, it finds without. */
function takesAny({ limitCount, limitOffset, havingClause }: SelectStmt): boolean {
  const isAboveZero = limitCount === undefined || (as(limitCount, 'A_Const')?.ival?.ival ?? 0) > 0
  return isAboveZero && limitOffset === undefined && havingClause === undefined
}

/** Each row gives the same constants. */
function saysTheSame({ targetList = [], groupClause }: SelectStmt): boolean {
  return !groupClause && targetList.every((each) => 'A_Const' in (as(each, 'ResTarget')?.val ?? {}))
}

/** The tree, and the bodies of the functions that it calls, directly or through others. */
function withBodies(tree: Node, functions: CalledFunction[]): Node[] {
  const trees = [tree]
  const called = new Set<CalledFunction>()
  for (const each of trees) {
    const names = new Set(callsIn(each).map(({ name }) => name))
    for (const one of functions) {
      if (!names.has(one.name) || called.has(one)) continue
      called.add(one)
      trees.push(...one.body)
    }
  }
  return trees
}

function countOf(all: string[] = [], name: string): number {
  return all.filter((each) => each === name).length
}
