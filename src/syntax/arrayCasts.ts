import { sqlTokens } from '../postgres/sqlTokens.ts'
import type { Node } from './nodes.ts'
import { as } from './nodes.ts'
import { replaceNodes } from './replaceNodes.ts'

/**
 * Removes the casts of whole arrays from a statement or expression that PostgreSQL printed, so that parsing it gives the
 * original again. `status IN ('a', 'b')` with a varchar column is printed with an implied cast. Read back, that explicit
 * cast moves into the array, and from then on PostgreSQL prints the same expression differently.
 *
 * ```sql
 * (status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])            -- printed
 * (status)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])      -- read again
 * (status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying]))                    -- without the cast
 * ```
 *
 * PostgreSQL prints a cast that somebody wrote inside the array, so a cast around the array was always implied.
 */
export function withoutArrayCasts(sql: string): string {
  if (!sql.includes('])::')) return sql
  const tokens = [...sqlTokens(sql)]
  const kept: string[] = []
  const open: number[] = []
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] ?? ''
    kept.push(token)
    if (token === '(') open.push(at)
    if (token !== ')') continue
    const start = open.pop() ?? -1
    const isArray = tokens[at - 1] === ']' && tokens[start + 1] === 'ARRAY' && tokens[start + 2] === '['
    if (isArray) at = endOfArrayCast(tokens, at + 1)
  }
  return kept.join('')
}

/** The last token of the cast that begins here, `::text[]` or `::"a schema".mood[]`; without one, the token before. */
function endOfArrayCast(tokens: readonly string[], from: number): number {
  const before = from - 1
  if (tokens[from] !== ':' || tokens[from + 1] !== ':') return before
  let at = from + 2
  let depth = 0
  // Names of types may have several words and a modifier between them: `timestamp(3) without time zone`.
  while (depth > 0 || /^(?:[\w"\u0080-\uffff].*|[.(]|\s+)$/s.test(tokens[at] ?? '')) {
    if (tokens[at] === undefined) return before
    if (tokens[at] === '(') depth += 1
    if (tokens[at] === ')') depth -= 1
    at += 1
  }
  return tokens[at] === '[' && tokens[at + 1] === ']' ? at + 1 : before
}

/** As `withoutArrayCasts`, for the tree of an expression that PostgreSQL printed. */
export function treeWithoutArrayCasts(tree: Node): Node {
  return replaceNodes(tree, (node) => {
    const array = as(node, 'TypeCast')?.arg
    return array && as(array, 'A_ArrayExpr') ? treeWithoutArrayCasts(array) : undefined
  })
}
