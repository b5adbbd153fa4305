/**
 * What PostgreSQL reads as one token, most specific pattern first. `sqlTokens` handles block comments, which may be
 * nested. An unclosed quote takes the rest of the text.
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
 * Cuts SQL into tokens, including white space and comments: joined, they are the original text. Quoted names, strings,
 * dollar quotes and (nested) comments are one token each; operators come one character at a time. Text that is not
 * valid SQL is cut up too: nothing is refused here.
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
