/**
 * What PostgreSQL reads as one piece, most special first. A block comment is matched up to its first end;
 * `sqlTokens` follows nested ones. An unclosed quote or comment takes all that is left.
 */
const token = new RegExp(
  [
    String.raw`\s+`,
    String.raw`--[^\n]*`,
    String.raw`[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)`,
    String.raw`'(?:[^']|'')*(?:'|$)`,
    String.raw`"(?:[^"]|"")*(?:"|$)`,
    String.raw`\$(?<tag>(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$[\s\S]*?(?:\$\k<tag>\$|$)`,
    String.raw`[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*`,
    String.raw`\$?\d+`,
    String.raw`[\s\S]`,
  ].join('|'),
  'y',
)

/**
 * Cuts SQL into its tokens, white space and comments among them, so that joined together they are the text
 * again. It tells code from quoted text, strings, dollar quotes and (nested) comments; operators come one
 * character at a time. Text that is no SQL is cut up too: nothing is refused here.
 */
export function* sqlTokens(sql: string): Generator<string> {
  let at = 0
  while (at < sql.length) {
    const end = sql.startsWith('/*', at) ? endOfBlockComment(sql, at) : endOfToken(sql, at)
    yield sql.slice(at, end)
    at = end
  }
}

function endOfToken(sql: string, at: number): number {
  token.lastIndex = at
  token.test(sql)
  return token.lastIndex
}

function endOfBlockComment(sql: string, start: number): number {
  let depth = 0
  let at = start
  while (at < sql.length) {
    if (sql.startsWith('/*', at)) depth += 1
    else if (sql.startsWith('*/', at)) depth -= 1
    else {
      at += 1
      continue
    }
    at += 2
    if (depth === 0) return at
  }
  return sql.length
}
