import type { ColumnStatistics } from '../../../catalog/columnStatistics.ts'
import type { Column } from '../../../catalog/columns.ts'
import { knownRows } from '../../../catalog/tables.ts'
import type { Node } from '../../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../../syntax/nodes.ts'
import { aliasesOf } from '../../../syntax/rowReferences.ts'
import type { ReadTable } from './statementReads.ts'
import type { TableTag } from './tableTags.ts'

/** How many values of a column there are: by `schema`, `table` and `column`; undefined where nobody has counted. */
export type StatisticsOf = (schema: string, table: string, column: string) => ColumnStatistics | undefined

/** What the hit ratio hangs on. */
export interface Traffic {
  calls: number
  hours: number
  /** Rows that were written, by the table's oid. */
  writes: Map<number, number>
}

/**
 * The share of reads that a cache would answer, at worst: every combination of values is read every hour and equally often,
 * and each written row makes every answer with its tag useless.
 *
 * @param keys how many different answers there are
 */
export function expectedHitRatio(
  tags: readonly TableTag[],
  keys: number,
  { calls, hours, writes }: Traffic,
  statisticsOf: StatisticsOf,
): number {
  const invalidated = tags.map(({ table, by }) => {
    const rows = writes.get(table.oid) ?? 0
    // An update has the tag of the row before it and after it.
    return by
      ? 2 * rows * Math.max(1, keys / (distinctOf(table, by.column, statisticsOf) ?? keys))
      : rows * keys
  })
  const misses = keys * Math.ceil(hours) + invalidated.reduce((sum, each) => sum + each, 0)
  return Math.max(0, 1 - misses / calls)
}

const times = /^(date|time|timestamp|interval)/

/**
 * How many different answers a statement has: the values of the columns that it compares with parameters. A parameter of the
 * list of columns or of LIMIT is taken for a constant, which pg_stat_statements shows as one too. Undefined where a parameter
 * may have any value: compared with a time, or with no column.
 */
export function countKeys(
  statement: Node,
  tables: readonly ReadTable[],
  statisticsOf: StatisticsOf,
): number | undefined {
  const nodes = nodesIn(statement)
  const open = new Set(nodes.flatMap((node) => as(node, 'ParamRef')?.number ?? []))
  const constant = nodes.flatMap((node) => {
    const select = as(node, 'SelectStmt')
    return select ? [...(select.targetList ?? []), ...(select.limitCount ? [select.limitCount] : [])] : []
  })
  let keys = 1
  for (const node of nodes) {
    const comparison = as(node, 'A_Expr')
    if (
      !comparison ||
      !['AEXPR_OP', 'AEXPR_IN', 'AEXPR_DISTINCT', 'AEXPR_NOT_DISTINCT'].includes(comparison.kind)
    )
      continue
    const { lexpr, rexpr } = comparison
    const [column, other] = as(bare(lexpr), 'ColumnRef') ? [lexpr, rexpr] : [rexpr, lexpr]
    const found = as(bare(column), 'ColumnRef')
    const numbers = parametersOf(other).filter((number) => open.has(number))
    if (!found || numbers.length === 0) continue
    const distinct = distinctAt(words(found.fields), nodes, tables, statisticsOf)
    if (distinct === undefined) return undefined
    for (const number of numbers) {
      open.delete(number)
      keys *= Math.max(1, distinct)
    }
  }
  for (const node of nodesIn(constant)) open.delete(as(node, 'ParamRef')?.number ?? 0)
  return open.size === 0 ? keys : undefined
}

function bare(node: Node | undefined): Node | undefined {
  return as(node, 'TypeCast')?.arg ?? node
}

function parametersOf(side: Node | undefined): number[] {
  const items = as(side, 'List')?.items ?? (side ? [side] : [])
  const numbers = items.map((item) => as(bare(item), 'ParamRef')?.number)
  return numbers.flatMap((number) => number ?? [])
}

function distinctAt(
  name: string[],
  nodes: readonly Node[],
  tables: readonly ReadTable[],
  statisticsOf: StatisticsOf,
): number | undefined {
  const [column = '', alias] = name.toReversed()
  const aliased = new Set(
    nodes.flatMap((node) => {
      const relation = as(node, 'RangeVar')
      return relation && aliasesOf([node])[0] === alias ? relation.relname : []
    }),
  )
  const counts = tables
    .filter(({ table }) => alias === undefined || aliased.has(table.name))
    .flatMap(({ table }) => {
      const found = table.columns.find((each) => each.name === column)
      return found ? [times.test(found.type) ? undefined : distinctOf(table, found, statisticsOf)] : []
    })
  if (counts.length === 0 || counts.includes(undefined)) return undefined
  return Math.max(...counts.flatMap((each) => each ?? []))
}

function distinctOf(
  table: ReadTable['table'],
  { name, type, labels }: Column,
  statisticsOf: StatisticsOf,
): number | undefined {
  if (type === 'boolean') return 2
  if (labels) return labels.length
  const distinct = statisticsOf(table.schema, table.name, name)?.distinct
  if (distinct === undefined || distinct === 0) return undefined
  const rows = knownRows({ estimatedRows: table.estimatedRows, liveRows: 0 })
  return distinct > 0 ? distinct : Math.max(1, -distinct * rows)
}
