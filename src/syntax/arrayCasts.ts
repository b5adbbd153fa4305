import { sqlTokens } from '../postgres/sqlTokens.ts'
import type { Node } from './nodes.ts'
import { as } from './nodes.ts'
import { replaceNodes } from './replaceNodes.ts'

/**
 * A statement or expression that PostgreSQL printed, without the casts of whole arrays, so that it is read again as
 * what it was. `status IN ('a', 'b')` with a varchar column is printed with a cast that was implied; written out, the
 * cast is moved into the array, and the same expression is printed in another way from then on.
 *
 * ```sql
 * (status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])            -- printed
 * (status)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])      -- read again
 * (status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying]))                    -- without the cast
 * ```
 *
 * A cast that somebody wrote is printed within the array, so one around it was always implied.
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

/** Where the cast that begins here ends, `::text[]` or `::"a schema".mood[]`; before it where there is none. */
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
