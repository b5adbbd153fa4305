import { parse } from 'pgsql-parser'
import { UsageError, messageOf } from '../errors.ts'
import { excerpt } from './excerpt.ts'
import type { Node } from './nodes.ts'

export type { Node } from './nodes.ts'

/** One SQL statement, as text without the semicolon and as a tree. */
export interface Statement {
  sql: string
  node: Node
}

interface ParseResult {
  stmts?: { stmt: Node; stmt_location?: number; stmt_len?: number }[]
}

/**
 * Splits SQL into statements with PostgreSQL's own parser, so that semicolons in literals, comments and function
 * bodies do not count.
 *
 * @throws UsageError if the text is not valid SQL
 */
export async function splitStatements(sql: string): Promise<Statement[]> {
  let parsed: ParseResult
  try {
    parsed = (await parse(sql)) as ParseResult
  } catch (error) {
    throw new UsageError(
      `PostgreSQL cannot read this as SQL (${messageOf(error)}): ${excerpt(sql)}`,
      'Fix the statement.',
      { cause: error },
    )
  }
  // The parser counts bytes of UTF-8, JavaScript counts UTF-16 units.
  const bytes = Buffer.from(sql)
  return (parsed.stmts ?? []).map(({ stmt, stmt_location: start = 0, stmt_len: length }) => ({
    sql: bytes.toString('utf8', start, length ? start + length : bytes.length).trim(),
    node: stmt,
  }))
}
