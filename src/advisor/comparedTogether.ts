import type { PlanNode } from '../postgres/explain.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { unique } from '../unique.ts'
import { rowsOf } from './planRows.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import type { Scan } from './scans.ts'
import { termsOf } from './terms.ts'

/** Columns of one table that a statement compares by equality in one scan. */
export interface ComparedTogether {
  statement: PlannedStatement
  table: RelationName
  columns: string[]
  /** The rows that the planner expects of a statement that does nothing else. */
  expectedRows?: number
}

/** Finds them in a plan, whose scans these are. */
export function comparedTogether(
  statement: PlannedStatement,
  plan: PlanNode,
  scans: readonly Scan[],
): ComparedTogether[] {
  return scans.flatMap(({ table, alias, conditions }) => {
    const terms = conditions.map((condition) => termsOf(condition, alias))
    const equal = terms.flat().filter(({ operator, joins }) => operator === '=' && joins.length === 0)
    const columns = unique(equal.flatMap(({ key }) => columnOf(key) ?? [])).sort()
    if (columns.length < 2) return []
    const asksNothingElse =
      scans.length === 1 && terms.length === equal.length && terms.flat().length === equal.length
    const expectedRows = asksNothingElse ? rowsOf(plan) : undefined
    return [{ statement, table, columns, ...(expectedRows === undefined ? {} : { expectedRows }) }]
  })
}

/** The name of the column; undefined for an expression. */
function columnOf(key: string): string | undefined {
  if (/^[a-z_][a-z0-9_$]*$/.test(key)) return key
  return /^"(?:[^"]|"")+"$/.test(key) ? key.slice(1, -1).replaceAll('""', '"') : undefined
}
