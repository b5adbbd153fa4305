import { normalize } from 'libpg-query'
import type { CountedText } from '../../catalog/statementCounters.ts'
import { longestText } from '../../catalog/statements.ts'
import type { NamedRelation } from '../../syntax/relations.ts'
import { relationsIn } from '../../syntax/relations.ts'
import type { Node } from '../../syntax/nodes.ts'
import { splitStatements } from '../../syntax/statements.ts'
import { fieldsOf, nameParts } from '../../syntax/walk.ts'

/** A statement of pg_stat_statements, with what its text names. */
export interface CountedStatement {
  key: string
  role: string | null
  /** Without constants. */
  query: string
  relations: NamedRelation[]
  functions: NamedRelation[]
  /** It changes rows itself. */
  writes: boolean
}

const kinds = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'CallStmt']

/**
 * What a counted text names; undefined for utility statements, for our own queries of the catalog and for texts that
 * cannot be parsed. Constants are replaced once more: a text may have them if its entry was evicted while it ran.
 */
export async function toCountedStatement({
  key,
  role,
  text,
}: CountedText): Promise<CountedStatement | undefined> {
  if (text.length > longestText || /\bpg_catalog\.|\bpg_stat_|\bhundredfold\./.test(text)) return undefined
  const node = await parseOne(text)
  if (!node || !kinds.some((kind) => kind in node)) return undefined
  const defined = new Set(Array.from(fieldsOf(node, 'CommonTableExpr'), ({ ctename }) => ctename))
  return {
    key,
    role,
    query: (await normalize(text)).replaceAll(/\s+/g, ' ').trim(),
    relations: relationsIn(node).filter(({ schema, name }) => schema !== undefined || !defined.has(name)),
    functions: Array.from(fieldsOf(node, 'FuncCall'), ({ funcname }) => toName(nameParts(funcname))),
    writes: ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'].some(
      (kind) => kind in node || !fieldsOf(node, kind).next().done,
    ),
  }
}

async function parseOne(text: string): Promise<Node | undefined> {
  try {
    const statements = await splitStatements(text)
    return statements.length === 1 ? statements[0]?.node : undefined
  } catch {
    return undefined
  }
}

function toName(parts: string[]): NamedRelation {
  const [name = '', schema] = parts.toReversed()
  return { name, ...(schema === undefined ? {} : { schema }) }
}
