import { sqlTokens } from '../postgres/sqlTokens.ts'

/**
 * SQL, or an expression of a plan, with `…` in place of every literal, and without comments: any of them may be a value of
 * somebody's row. Parameters and the numbers of subplans stay.
 *
 * `(status = 'open'::text) AND (SubPlan 1) AND (n > 4.5)` -> `(status = …::text) AND (SubPlan 1) AND (n > …)`
 */
export function withoutLiterals(text: string): string {
  let before = ''
  let word = ''
  const kept = Array.from(sqlTokens(text), (token) => {
    const shown = isComment(token) ? ' ' : isLiteral(token, before, word) ? '…' : token
    before = shown === '…' ? '…' : token
    if (/^\w/.test(token)) word = token
    return shown
  })
  return kept.join('').replaceAll(/…(?:\.?…)+/g, '…')
}

function isComment(token: string): boolean {
  return token.startsWith('--') || token.startsWith('/*')
}

function isLiteral(token: string, before: string, word: string): boolean {
  if (/^\d/.test(token)) return !/^(?:SubPlan|InitPlan)$/.test(word)
  // What follows a number without a space belongs to it: `1e10`, `0x1F`.
  if (before === '…' && /^[a-z_]\w*$/i.test(token)) return true
  return /^(?:[eE]?'|\$\w*\$|(?:true|false)$)/i.test(token)
}

const named =
  'relation|column|table|view|index|schema|role|user|database|function|procedure|operator|type|extension|language|cursor|constraint|policy'
const quotedValue = new RegExp(String.raw`: ".*|(?<!\b(?:${named}) )"[^"]*"`, 'gis')

/**
 * An error's message with `…` in place of what may be a value; names of objects stay.
 *
 * `invalid input syntax for type integer: "secret"` -> `invalid input syntax for type integer: …`
 */
export function messageWithoutValues(message: string): string {
  return withoutLiterals(message.replace(quotedValue, (found) => (found.startsWith(':') ? ': …' : '…')))
}
