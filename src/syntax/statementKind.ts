import { messageOf } from '../errors.ts'
import { sqlTokens } from '../postgres/sqlTokens.ts'
import { deparseStatement } from './deparse.ts'
import type { Node } from './nodes.ts'
import { as, kindOf, nodesIn, words } from './nodes.ts'
import type { NamedRelation } from './relations.ts'
import { relationsIn } from './relations.ts'
import { splitStatements } from './statements.ts'

/** A statement that EXPLAIN takes. */
export interface PlannableStatement {
  sql: string
  node: Node
}

const plannable = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])

/**
 * The statement to plan for a text, or why there is none. Of `PREPARE name AS SELECT ...` and `DECLARE name CURSOR FOR
 * SELECT ...`, which pg_stat_statements counts under the text of the whole, it is the query. A syntax error may quote the text.
 */
export async function plannableStatement(
  text: string,
): Promise<PlannableStatement | { notPlanned: string; syntaxError?: string }> {
  let statements
  try {
    statements = await splitStatements(text)
  } catch (error) {
    return {
      notPlanned: 'its text is cut off, or is no SQL that the parser can read',
      syntaxError: messageOf(error instanceof Error ? (error.cause ?? error) : error),
    }
  }
  const [statement, ...more] = statements
  if (!statement || more.length > 0) return { notPlanned: 'its text is not exactly one statement' }
  const inner = queryWithin(statement.node)
  if (inner) return { sql: await deparseStatement(inner), node: inner }
  const kind = kindOf(statement.node)
  if (plannable.has(kind)) return statement
  if (kind === 'DoStmt') return { notPlanned: 'the statements of a DO block are not known' }
  if (kind === 'CallStmt') return { notPlanned: 'the statements of a procedure are not known' }
  return { notPlanned: 'PostgreSQL makes no plan for a statement of this kind' }
}

function queryWithin(node: Node): Node | undefined {
  const { query } = (node['PrepareStmt'] ?? node['DeclareCursorStmt'] ?? {}) as { query?: Node }
  return query && plannable.has(kindOf(query)) ? query : undefined
}

/** Its first words, in capitals: `CREATE TABLE`. What follows may be a password. */
export function commandOf(text: string): string {
  const found: string[] = []
  for (const token of sqlTokens(text)) {
    if (/^(?:\s|--|\/\*)/.test(token)) continue
    if (!/^[a-z]+$/i.test(token) || found.length === 2) break
    found.push(token.toUpperCase())
  }
  const [first = '', second] = found
  const isOfTwoWords = ['CREATE', 'ALTER', 'DROP', 'REFRESH', 'SECURITY'].includes(first)
  return isOfTwoWords && second !== undefined ? `${first} ${second}` : first
}

/** Whether it asks only PostgreSQL itself, its catalog or its settings, as monitoring and drivers do. */
export function asksOnlyServer(node: Node): boolean {
  const named = nodesIn(node).flatMap((each) => as(each, 'CommonTableExpr')?.ctename ?? [])
  const relations = relationsIn(node).filter(
    ({ schema, name }) => schema !== undefined || !named.includes(name),
  )
  if (relations.length > 0) return relations.every(isOfSystem)
  return nodesIn(node)
    .flatMap((each) => as(each, 'FuncCall') ?? [])
    .every(({ funcname }) => isFunctionOfSystem(words(funcname)))
}

/** A function without a schema may be anybody's, but for those that drivers and monitoring call. */
function isFunctionOfSystem(name: string[]): boolean {
  const [first = '', second] = name
  if (second !== undefined) return first === 'pg_catalog'
  return first.startsWith('pg_') || ['set_config', 'current_setting', 'version', 'now'].includes(first)
}

function isOfSystem({ schema, name }: NamedRelation): boolean {
  // Extensions such as pg_stat_statements have views in any schema.
  return name.startsWith('pg_') || schema === 'pg_catalog' || schema === 'information_schema'
}
