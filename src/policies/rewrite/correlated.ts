import { arraySubselect, conjunction, equals, selectOf } from '../../syntax/build.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { canonical } from '../../syntax/expression.ts'
import type { Node, SelectStmt, SubLink } from '../../syntax/nodes.ts'
import { as, conjuncts, nodesIn, words } from '../../syntax/nodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import type { Scope } from '../read/calls.ts'
import { notesOnVolatile, show, whyNotOncePerStatement } from '../read/calls.ts'
import { asExists } from './asExists.ts'
import type { Change, Refusal, Rewritten } from './change.ts'
import { withoutLimit } from '../read/membershipBody.ts'
import { replaceInContext } from '../read/positiveContext.ts'
import { texts } from '../read/neverFails.ts'
import { Unclear } from '../read/queryColumns.ts'
import type { KeyScope } from './setOfKeys.ts'
import { listedKeys, memberOfKeys } from './setOfKeys.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'

const rule = 'policy_correlated_subquery'

/** A correlated sub-select of a policy, and what it would become. */
export interface Turned {
  was: Node
  becomes: Node
  /** The tables that it reads. */
  reads: { schema: string; name: string }[]
}

/** Why a sub-select that could be decorrelated is left. */
export interface Verdict {
  reason: string
  /** Only until the policies of these tables, which it reads, are rewritten. */
  waitsFor?: RelationName[]
  /** The planner prefers the sub-select as it is; that may change with these policies, and is asked again after them. */
  isDearerNow?: boolean
  /** They are rewritten in the same run, and first. */
  isLifted?: boolean
}

/** The verdicts on sub-selects that could be decorrelated, from their plans; undefined if nothing gets slower. */
export type PlanVerdicts = Map<string, Verdict | undefined>

const runAgain = ['Apply the migrations that rewrite the policies named.', 'Run this command again.']

/** The key of a sub-select's verdict. */
export function verdictKey(table: CatalogTable, node: Node): string {
  return `${table.oid} ${canonical(node)}`
}

/**
 * Decorrelates sub-selects: what a policy ran for every row runs once per statement. Done only if the plans say that no
 * common query gets slower.
 *
 * ```sql
 * EXISTS (SELECT 1 FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid())   -- before
 * org_id IN (SELECT m.org_id FROM members m WHERE m.user_id = auth.uid())                    -- after
 * ```
 */
export function turnCorrelated(tree: Node, scope: Scope & KeyScope, verdicts: PlanVerdicts): Rewritten {
  const changes: Change[] = []
  const refusals: Refusal[] = []
  const result = replaceInContext(tree, (node, isPositive) => {
    const link = correlatedLink(node, isPositive, scope)
    if (!link) return undefined
    // The sub-select in a comparison that is left is not told once more.
    const left = as(node, 'SubLink') ? undefined : node
    try {
      const { becomes, form } = turnAround(link, isPositive, scope)
      const key = verdictKey(scope.table, node)
      // No plans are read for tables of other owners: their policies are left in any case.
      if (!verdicts.has(key) && scope.table.isOurs)
        throw new Unclear('another rewrite changes it first; run this command again after that one')
      const verdict = verdicts.get(key)
      if (verdict && !verdict.isLifted) {
        const later = verdict.waitsFor ? { isForNow: true, steps: runAgain } : {}
        refusals.push({ rule, was: show(node), reason: verdict.reason, ...later })
        return left
      }
      const notes = notesOnVolatile(node, scope)
      const follows = verdict?.waitsFor ? { follows: verdict.waitsFor } : {}
      changes.push({
        rule,
        was: show(node),
        becomes: show(becomes),
        ...form,
        ...follows,
        ...(notes.length > 0 ? { notes } : {}),
      })
      return becomes
    } catch (error) {
      if (!(error instanceof Unclear)) throw error
      refusals.push({ rule, was: show(node), reason: error.message })
      return left
    }
  })
  return { tree: result, changes, refusals }
}

/** The sub-selects that could be decorrelated, before their plans are read. */
export function correlatedCandidates(tree: Node, scope: Scope & KeyScope): Turned[] {
  const found: Turned[] = []
  replaceInContext(tree, (node, isPositive) => {
    const link = correlatedLink(node, isPositive, scope)
    if (!link) return undefined
    try {
      found.push({ was: node, ...turnAround(link, isPositive, scope) })
    } catch (error) {
      if (!(error instanceof Unclear)) throw error
    }
    return undefined
  })
  return found
}

/** A sub-select with a FROM and a column of the row, as EXISTS if its value is compared and that can be said so. */
function correlatedLink(node: Node, isPositive: boolean, { hazards }: Scope): SubLink | undefined {
  const link = (isPositive ? asExists(node, hazards) : undefined) ?? as(node, 'SubLink')
  const select = as(link?.subselect, 'SelectStmt')
  if (!link || !select?.fromClause) return undefined
  return rowReferences(link.subselect).length > 0 ? link : undefined
}

function turnAround(
  link: SubLink,
  isPositive: boolean,
  scope: Scope & KeyScope,
): { becomes: Node; form: { needsIndexOn?: string }; reads: Turned['reads'] } {
  if (!['EXISTS_SUBLINK', 'ANY_SUBLINK'].includes(link.subLinkType)) {
    throw new Unclear('it is neither EXISTS nor IN')
  }
  if (!isPositive) throw new Unclear('it is under NOT or in a place where NULL and false differ')
  const select = as(link.subselect, 'SelectStmt')
  if (!select) throw new Unclear('it is no query')
  if (
    link.subLinkType === 'EXISTS_SUBLINK' &&
    nodesIn(select.targetList).some((node) => 'FuncCall' in node)
  ) {
    throw new Unclear(
      'its query calls a function in its SELECT list, and an aggregate or a set may return rows whatever the conditions say',
    )
  }
  const plain = withoutLimit(select, link.subLinkType === 'ANY_SUBLINK')
  const conditions = [
    ...(plain.whereClause ? conjuncts(plain.whereClause) : []),
    ...memberCondition(link, plain),
  ]
  const correlated = conditions.filter((condition) => rowReferences(inFrom(plain, condition)).length > 0)
  const [only, ...others] = correlated
  if (!only || others.length > 0) throw new Unclear('it compares the row in more than one condition')
  if (rowReferences({ SelectStmt: { ...plain, whereClause: undefined, targetList: [] } }).length > 0) {
    throw new Unclear('its FROM depends on the row')
  }
  const { inner, outer } = sidesOf(only, plain)
  const where = conjunction(conditions.filter((condition) => condition !== only))
  const from = plain.fromClause ?? []
  const set = selectOf(inner, { fromClause: from, ...(where ? { whereClause: where } : {}) })
  const reason = whyNotOncePerStatement(arraySubselect(set), scope)
  if (reason !== undefined) throw new Unclear(reason)
  const hazard = scope.hazards.of(set)
  if (hazard) {
    throw new Unclear(
      `all of its rows would be read at once, which could raise an error that nobody gets today: ${hazard.what}`,
    )
  }
  const { node, ...form } = memberOfKeys(outer, listedKeys(set), scope)
  return { becomes: node, form, reads: from.flatMap(tablesIn) }
}

/** The condition `y = x` of `x IN (SELECT y ...)`. */
function memberCondition(link: SubLink, select: SelectStmt): Node[] {
  if (link.subLinkType === 'EXISTS_SUBLINK') return []
  const target = as(select.targetList?.[0], 'ResTarget')?.val
  if (link.subLinkType !== 'ANY_SUBLINK' || link.operName || !link.testexpr || !target) {
    throw new Unclear('it is neither EXISTS nor IN')
  }
  return [equals(target, link.testexpr)]
}

/** The condition together with the query's FROM, so that the query's own columns count as bound. */
function inFrom(select: SelectStmt, condition: Node): Node {
  return { SelectStmt: { fromClause: select.fromClause?.map(withoutQuals), whereClause: condition } }
}

function withoutQuals(item: Node): Node {
  const join = as(item, 'JoinExpr')
  if (!join) return item
  const { quals, ...rest } = join
  void quals
  return { JoinExpr: { ...rest, larg: withoutQuals(join.larg), rarg: withoutQuals(join.rarg) } }
}

function sidesOf(condition: Node, select: SelectStmt): { inner: Node; outer: Node } {
  const expression = as(condition, 'A_Expr')
  const { lexpr, rexpr } = expression ?? {}
  if (expression?.kind !== 'AEXPR_OP' || words(expression.name).join('.') !== '=' || !lexpr || !rexpr) {
    throw new Unclear('its condition on the row is not of the form key = column')
  }
  const isInner = (side: Node) => isKey(side) && rowReferences(inFrom(select, side)).length === 0
  const isOuter = (side: Node) => rowReferences(side).length === rowReferences(inFrom(select, side)).length
  if (isInner(lexpr) && isOuter(rexpr)) return { inner: lexpr, outer: rexpr }
  if (isInner(rexpr) && isOuter(lexpr)) return { inner: rexpr, outer: lexpr }
  throw new Unclear('its condition on the row is not of the form key = column')
}

/** A column, or a column as text: `(storage.foldername(name))[1]` is compared with the text of a key. */
function isKey(side: Node): boolean {
  const cast = as(side, 'TypeCast')
  if (!cast?.arg || !cast.typeName) return as(side, 'ColumnRef') !== undefined
  return texts.has(words(cast.typeName.names ?? []).at(-1) ?? '') && as(cast.arg, 'ColumnRef') !== undefined
}

function tablesIn(item: Node): Turned['reads'] {
  const join = as(item, 'JoinExpr')
  if (join) return [...tablesIn(join.larg), ...tablesIn(join.rarg)]
  const table = as(item, 'RangeVar')
  return table ? [{ schema: table.schemaname ?? '', name: table.relname }] : []
}
