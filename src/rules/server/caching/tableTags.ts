import type { Column } from '../../../catalog/columns.ts'
import type { CatalogTable } from '../../../policies/read/tableCatalog.ts'
import type { Node, SelectStmt } from '../../../syntax/nodes.ts'
import { as, conjuncts, words } from '../../../syntax/nodes.ts'
import type { ReadTable } from './statementReads.ts'

/** The tag under which a statement's answer hangs on a table: of the whole, or of one value of a column. */
export interface TableTag {
  table: CatalogTable
  /** As `--tag` takes it: `cities`, `professionals:city_id:{city_id}`. */
  template: string
  /** The column, and the number of the parameter that it is compared with; undefined for the whole table. */
  by: { column: Column; parameter: number } | undefined
}

/**
 * The tag of each table. One of a column where every row that counts has the value of a parameter: the statement names the
 * table once, in its own FROM, and its WHERE says `column = $1`. Undefined where a name cannot be part of a tag.
 */
export function tagsOf(select: SelectStmt, tables: readonly ReadTable[]): TableTag[] | undefined {
  const tags = tables.map(({ table, mentions }) => {
    const by = mentions === 1 ? fixedColumn(select, table) : undefined
    const name = table.schema === 'public' ? table.name : `${table.schema}.${table.name}`
    return { table, by, template: by ? `${name}:${by.column.name}:{${by.column.name}}` : name }
  })
  return tags.every(({ template, by }) => isTag(template, by)) ? tags : undefined
}

function isTag(template: string, by: TableTag['by']): boolean {
  return /^[^{}*\s]/.test(template) && template.split(/[{}]/).length === (by ? 3 : 1)
}

function fixedColumn(select: SelectStmt, table: CatalogTable): TableTag['by'] {
  if (select.larg || !select.whereClause) return undefined
  const relations = (select.fromClause ?? []).flatMap(relationsOf)
  const own = relations.find(
    ({ schemaname, relname }) => relname === table.name && (schemaname ?? table.schema) === table.schema,
  )
  if (!own || own.alias?.colnames) return undefined
  const alias = own.alias?.aliasname ?? own.relname
  for (const condition of conjuncts(select.whereClause)) {
    const comparison = as(condition, 'A_Expr')
    if (comparison?.kind !== 'AEXPR_OP' || words(comparison.name).join('.') !== '=') continue
    const sides = [comparison.lexpr, comparison.rexpr]
    const names = sides.flatMap((side) =>
      as(side, 'ColumnRef') ? [words(as(side, 'ColumnRef')?.fields ?? [])] : [],
    )
    const parameter = sides.map(parameterOf).find((number) => number !== undefined)
    const [name] = names
    if (names.length !== 1 || !name || parameter === undefined) continue
    const isOwn = name.length === 2 ? name[0] === alias : name.length === 1 && relations.length === 1
    const column = isOwn ? table.columns.find((each) => each.name === name.at(-1)) : undefined
    if (column && hasOneText(column)) return { column, parameter }
  }
  return undefined
}

/** The tables of a FROM and of its joins, but not those of sub-selects. */
function relationsOf(item: Node): NonNullable<ReturnType<typeof rangeVar>>[] {
  const join = as(item, 'JoinExpr')
  if (join) return join.alias ? [] : [...relationsOf(join.larg), ...relationsOf(join.rarg)]
  const relation = rangeVar(item)
  return relation ? [relation] : []
}

const rangeVar = (item: Node) => as(item, 'RangeVar')

function parameterOf(side: Node | undefined): number | undefined {
  return as(side, 'ParamRef')?.number
}

/** Types of which equal values have one text, which is also the one that an application has; uuid in small letters. */
function hasOneText({ type, isNondeterministic }: Column): boolean {
  return /^(smallint|integer|bigint|uuid|text|character varying(\(\d+\))?)$/.test(type) && !isNondeterministic
}
