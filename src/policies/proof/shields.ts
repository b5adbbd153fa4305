import { disjunction } from '../../syntax/build.ts'
import { canonical, printExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, conjuncts, nodesIn } from '../../syntax/nodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import { comparedWithColumns } from '../read/exposed.ts'
import type { Asker } from './ask.ts'
import type { WhenLate } from './atOnce.ts'
import type { Policy } from '../../catalog/policies.ts'
import type { CheckedCommand } from './effective.ts'
import { predicateFor } from './effective.ts'
import type { Look } from './actingAs.ts'
import { isTimeout } from './actingAs.ts'
import { evaluate } from './evaluate.ts'
import { appliesTo } from './questions.ts'
import { rowOfNulls } from './rows.ts'
import type { Structure } from './structure.ts'
import type { Subject } from './subject.ts'

/** A part of a new predicate that runs once per statement. */
interface PartAtOnce {
  old: Node
  now: Node
  part: Node
}

interface Shield {
  structure: Structure
  /** Every predicate's tree, by its text. */
  trees: Map<string, Node>
  /** The calls that fail for the caller: `"auth"."uid"()`. */
  readers: string[]
  whenLate: WhenLate
}

/**
 * Whether another condition may keep today's statements from ever asking for claims that cannot be read, so that
 * the error of a part that is asked at once would be new. It is another policy that the command has to pass as well, or
 * another part of the same predicate: `status = 'open' AND is_agent()`.
 *
 * ```sql
 * CREATE POLICY a ON t FOR SELECT USING (is_agent());                         -- fails; wrapped, it comes first
 * CREATE POLICY b ON t FOR UPDATE USING (auth.role() = 'service_role');       -- comes first today
 * ```
 *
 * Nothing shields a statement for which the planner itself asks for the claims: it does to estimate `owner = auth.uid()`.
 * Conditions on new rows keep the order in which they are written, so that nothing comes earlier there.
 */
export async function isShielded(
  look: Look,
  subject: Subject,
  asker: Asker,
  { old, now, part }: PartAtOnce,
  shield: Shield,
): Promise<boolean> {
  const { structure, trees, readers } = shield
  const fails = (tree: Node) => structure.reaches(tree, readers)
  const applying = subject.policies.filter((policy) => appliesTo(policy, asker.role))
  for (const command of ['select', 'update', 'delete'] as const) {
    const conditions = conditionsOf(applying, command, trees)
    if (!conditions.some((arms) => arms.includes(old))) continue
    if (
      conditions
        .flat()
        .flatMap(ranByPlanner)
        .some((tree) => !structure.callsVolatile(tree) && fails(tree))
    )
      continue
    const others = conditions.flatMap((arms): Node[] => {
      if (arms.includes(old)) return arms.length === 1 ? partsBeside(old, now, part) : []
      const together = disjunction(arms)
      return together ? [together] : []
    })
    for (const other of others) if (await mayBeFalse(look, subject, asker, other, shield)) return true
  }
  return false
}

/** The conditions that a row has to pass all, each as the predicates of which one is enough. */
function conditionsOf(policies: Policy[], command: CheckedCommand, trees: Map<string, Node>): Node[][] {
  const commands = command === 'select' ? [command] : [command, 'select' as const]
  return commands.flatMap((each) => {
    const treesOf = (permissive: boolean) =>
      policies
        .filter((policy) => policy.permissive === permissive)
        .map((policy) => trees.get(predicateFor(policy, each) ?? ''))
        .filter((tree) => tree !== undefined)
    return [treesOf(true), ...treesOf(false).map((tree) => [tree])].filter((arms) => arms.length > 0)
  })
}

/** What the planner runs to estimate how many rows there will be, of the predicate and of every query in it. */
function ranByPlanner(tree: Node): Node[] {
  const queries = nodesIn(tree).map((node) => as(node, 'SelectStmt')?.whereClause)
  return [tree, ...queries].flatMap((each) => (each ? comparedWithColumns(each) : []))
}

/** The other conditions of the predicate that holds the part: `a` and `c` of `a AND f() AND c`. */
function partsBeside(old: Node, now: Node, part: Node): Node[] {
  const [before, after] = [conjuncts(old), conjuncts(now)]
  const query = as(part, 'SubLink')?.subselect
  const holds = (tree: Node) => nodesIn(tree).some((node) => as(node, 'SubLink')?.subselect === query)
  return before.filter((each, index) => {
    const same = before.length === after.length ? after[index] : undefined
    return same ? !holds(same) : after.some((other) => canonical(other) === canonical(each))
  })
}

/** Whether the condition may be false or NULL for some row without asking for the claims. */
async function mayBeFalse(
  look: Look,
  subject: Subject,
  asker: Asker,
  tree: Node,
  shield: Shield,
): Promise<boolean> {
  const connective = as(tree, 'BoolExpr')
  if (connective && connective.boolop !== 'NOT_EXPR') {
    const isOr = connective.boolop === 'OR_EXPR'
    for (const arm of connective.args) {
      if ((await mayBeFalse(look, subject, asker, arm, shield)) !== isOr) return !isOr
    }
    return isOr
  }
  if (shield.structure.reaches(tree, shield.readers)) return false
  if (rowReferences(tree).length > 0) return true
  try {
    const rows = [rowOfNulls(subject).text]
    const [[answer] = []] = await evaluate(look, subject.table, asker.identity, rows, [printExpression(tree)])
    return answer === false || (answer === undefined && shield.whenLate === 'count')
  } catch (error) {
    if (isTimeout(error)) return shield.whenLate === 'count'
    throw error
  }
}
