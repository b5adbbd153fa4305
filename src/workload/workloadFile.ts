import { UsageError } from '../errors.ts'
import { sqlTokens } from '../postgres/sqlTokens.ts'

/** One statement of a workload: what is sent, how often, by whom and with which arguments. */
export interface WorkloadStatement {
  /** From `-- name:`, else `statement at line 12`. */
  name: string
  /** Line of the statement's first word, from 1; undefined where it stands in no file. */
  line: number | undefined
  /** How often it is sent, in any unit that the whole file shares; 1 where absent. */
  calls: number
  /** Types of `$1`, `$2` ... as SQL writes them; empty where PostgreSQL is to infer them. */
  types: string[]
  /** One list of SQL expressions for `$1`, `$2` ... per `-- args:` line; `[[]]` where the statement has none. */
  args: string[][]
  /** The role that sends it; the connection's own where absent. */
  role: string | undefined
  /** What `auth.jwt()` returns meanwhile. */
  claims: Record<string, unknown> | undefined
  /** Without the comment lines above it and without the `;`. */
  sql: string
  /** Milliseconds that a call takes on average, where somebody measured it. */
  meanMs?: number
}

const keys = ['name', 'calls', 'types', 'args', 'role', 'claims', 'mean'] as const
type Key = (typeof keys)[number]

interface Comment {
  key: Key
  value: string
  line: number
}

/**
 * Reads a workload file: statements ended by `;`, each below optional lines about it.
 *
 * ```sql
 * -- name: search_city
 * -- calls: 12000
 * -- types: int, text
 * -- args: 35, 'cleaning'
 * -- args: 7, 'cooking'
 * -- role: authenticated
 * -- claims: {"sub": "..."}
 * -- mean: 12.5ms
 * SELECT ... WHERE city_id = $1 AND services @> ARRAY[$2];
 * ```
 *
 * Other comments are left where they are. Whether the SQL itself is right is PostgreSQL's to say.
 *
 * @throws UsageError, with name and line, where a line about a statement cannot be understood.
 */
export function parseWorkload(text: string): WorkloadStatement[] {
  const statements: WorkloadStatement[] = []
  let comments: Comment[] = []
  let start: { at: number; line: number } | undefined
  let line = 1
  let at = 0

  const finish = (end: number): void => {
    if (start) statements.push(toStatement(text.slice(start.at, end).trim(), start.line, comments))
    comments = []
    start = undefined
  }
  for (const token of sqlTokens(text)) {
    if (token === ';') finish(at)
    else if (!start && token.startsWith('--')) comments.push(...readComment(token, line))
    else if (!start && !/^\s|^\/\*/.test(token)) start = { at, line }
    at += token.length
    line += token.split('\n').length - 1
  }
  finish(at)
  refuseRepeatedNames(statements)
  return statements
}

function readComment(token: string, line: number): Comment[] {
  const [, word, value] = /^--\s*([a-z]+):(.*)$/s.exec(token) ?? []
  const key = keys.find((known) => known === word)
  return key === undefined || value === undefined ? [] : [{ key, value: value.trim(), line }]
}

function toStatement(sql: string, line: number, comments: Comment[]): WorkloadStatement {
  const named = comments.findLast(({ key }) => key === 'name')
  const name = named?.value || `statement at line ${line}`
  const refuse = (comment: Comment, problem: string, next: string): never => {
    throw new UsageError(`Workload line ${comment.line}, ${name}: ${problem}.`, next)
  }
  const one = (key: Key): Comment | undefined => {
    const found = comments.filter((comment) => comment.key === key)
    const [first, second] = found
    if (second)
      refuse(second, `\`${key}\` is given twice`, 'Keep one of the two; only `args` may be repeated.')
    return first
  }
  one('name')

  const types = splitAtCommas(one('types')?.value ?? '')
  const args = comments
    .filter(({ key }) => key === 'args')
    .map((comment) => {
      const values = splitAtCommas(comment.value)
      if (types.length > 0 && values.length !== types.length) {
        const problem = `\`args\` has ${values.length} expressions and \`types\` has ${types.length}`
        refuse(comment, problem, 'Give one expression for each type, separated by commas.')
      }
      return values
    })

  const callsComment = one('calls')
  const calls = Number(callsComment?.value ?? 1)
  if (callsComment && (callsComment.value === '' || !Number.isFinite(calls) || calls < 0)) {
    refuse(callsComment, `\`calls\` is "${callsComment.value}"`, 'Write a number that is not negative.')
  }

  const claimsComment = one('claims')
  const claims = claimsComment && parseObject(claimsComment.value)
  if (claimsComment && !claims) {
    refuse(claimsComment, '`claims` is no JSON object', 'Write it on one line, such as {"sub": "..."}.')
  }
  const meanComment = one('mean')
  const meanMs = meanComment && parseMilliseconds(meanComment.value)
  if (meanComment && meanMs === undefined) {
    refuse(meanComment, `\`mean\` is "${meanComment.value}"`, 'Write a time such as 12.5ms or 2s.')
  }
  return {
    name,
    line,
    calls,
    types,
    args: args.length > 0 ? args : [[]],
    role: one('role')?.value || undefined,
    claims,
    sql,
    ...(meanMs === undefined ? {} : { meanMs }),
  }
}

function parseMilliseconds(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s)$/.exec(text) ?? []
  return number === undefined ? undefined : Number(number) * (unit === 's' ? 1_000 : 1)
}

/** `array[1, 2], 'a,b'` -> `array[1, 2]` and `'a,b'`: commas within quotes and brackets do not separate. */
function splitAtCommas(list: string): string[] {
  if (list === '') return []
  const parts = ['']
  let depth = 0
  for (const token of sqlTokens(list)) {
    if (/^[([{]$/.test(token)) depth += 1
    if (/^[)\]}]$/.test(token)) depth -= 1
    if (token === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += token
  }
  return parts.map((part) => part.trim())
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function refuseRepeatedNames(statements: WorkloadStatement[]): void {
  const lines = new Map<string, number | undefined>()
  for (const { name, line } of statements) {
    const first = lines.get(name)
    if (lines.has(name)) {
      throw new UsageError(
        `Workload line ${line}, ${name}: the statement at line ${first} has the same name.`,
        'Give every statement a name of its own; results are told apart by it.',
      )
    }
    lines.set(name, line)
  }
}
