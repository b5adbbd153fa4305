import { sql } from '../../postgres/sql.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, words } from '../../syntax/nodes.ts'
import { fieldsOf, isRecord } from '../../syntax/walk.ts'
import { relationsByAlias } from './comparisons.ts'
import type { Look } from './actingAs.ts'
import { actingAs, isNoAnswer } from './actingAs.ts'
import { identityOf } from './identities.ts'
import type { SteadyValue } from './steadyValues.ts'
import type { Column } from '../../catalog/columns.ts'
import type { Subject } from './subject.ts'

/** Values of one other column that are tried. */
const mostValues = 5

/**
 * Values for the subject's columns that other tables hold where a predicate compares the two
 * (`m.org_id = projects.org_id`), and those that parts of the predicates give (`org_id IN (SELECT ids())`).
 */
export async function relatedValues(
  look: Look,
  reader: string,
  subject: Subject,
  trees: Node[],
  others: Map<string, Column[]>,
  steady: SteadyValue[],
): Promise<Map<string, unknown[]>> {
  const related = new Map<string, unknown[]>()
  const add = (column: string, values: unknown[]) =>
    related.set(column, [...new Set([...(related.get(column) ?? []), ...values])])
  for (const column of subject.columns) {
    const values = steady.filter(({ type }) => type === column.type).map(({ value }) => value)
    if (values.length > 0) add(column.name, values.slice(0, 12))
  }
  for (const { column, relation, name } of comparedColumns(subject, trees, others)) {
    if (look.clock.isOver()) break
    try {
      const { rows } = await actingAs(look, identityOf({ role: reader }), () =>
        sql<{ v: unknown }>`
          SELECT DISTINCT to_jsonb(${sql.raw(quote(name))}) AS v
          FROM (SELECT ${sql.raw(quote(name))} FROM ${sql.raw(qualified(relation))} LIMIT 2000) AS s
          LIMIT ${mostValues}`.execute(look.db),
      )
      add(
        column,
        rows.map(({ v }) => v),
      )
    } catch (error) {
      if (isNoAnswer(error)) throw error
      // A table that the session may not read offers nothing.
    }
  }
  return related
}

interface ComparedColumn {
  column: string
  relation: { schema: string; name: string }
  name: string
}

/** Columns of other relations that stand beside one of the subject's in a comparison. */
function comparedColumns(subject: Subject, trees: Node[], others: Map<string, Column[]>): ComparedColumn[] {
  const found = new Map<string, ComparedColumn>()
  for (const tree of trees) {
    const aliases = relationsByAlias(tree)
    const pair = (left: unknown, right: unknown) => {
      const [one, other] = [columnWords(left), columnWords(right)]
      const name = other?.at(-1)
      const column = subject.columns.find((each) => each.name === one?.at(-1))
      if (!column || name === undefined) return
      const alias = other?.at(-2)
      for (const relation of alias === undefined ? aliases.values() : [aliases.get(alias)]) {
        if (!relation) continue
        const known = others.get(`${relation.schema}.${relation.name}`)
        if (known?.some((each) => each.name === name && each.type === column.type))
          found.set(JSON.stringify([column.name, relation, name]), { column: column.name, relation, name })
      }
    }
    for (const { lexpr, rexpr } of fieldsOf(tree, 'A_Expr')) {
      pair(lexpr, rexpr)
      pair(rexpr, lexpr)
    }
    for (const link of fieldsOf(tree, 'SubLink')) {
      const select = isRecord(link['subselect']) ? as(link['subselect'], 'SelectStmt') : undefined
      const target = select?.targetList?.[0]
      if (link['testexpr']) pair(link['testexpr'], target && as(target, 'ResTarget')?.val)
    }
  }
  return [...found.values()].slice(0, 8)
}

function columnWords(node: unknown): string[] | undefined {
  const reference = isRecord(node) ? as(node, 'ColumnRef') : undefined
  return reference && words(reference.fields)
}
