import { MigrationBuilder } from 'node-pg-migrate'
import type { BatchedWork, BuilderCall, ConditionCall, Operation } from '../operations/operation.ts'

/**
 * The text of a migration file for an operation: plain node-pg-migrate, and the export `optimization` with the
 * conditions. A statement is a call of node-pg-migrate's builder if that makes the same SQL, and else SQL.
 *
 * ```ts
 * export const optimization: Optimization = {
 *   why: '...', rule: 'missing_index', operations: ['createIndex-54c1...'], before: [...], after: [...],
 * }
 *
 * export function up(pgm: MigrationBuilder): void {
 *   pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
 *   pgm.createIndex(table, ['b'], { name: 'a_b_idx', concurrently: true })
 * }
 * ```
 */
export function migrationFile(operation: Operation): string {
  const calls = [...operation.before, ...operation.after]
  const conditions = [...new Set(calls.map(({ condition }) => condition))].sort()
  const asCalls = new Map(
    Object.entries(operation.calls ?? {})
      .filter(([statement, call]) => makes(call, statement))
      .map(([statement, { method, args }]) => [statement, { condition: `pgm.${method}`, args }]),
  )
  const built = [...operation.up, ...operation.down].flatMap((statement) => asCalls.get(statement) ?? [])
  const names = nameShared([...calls, ...built])
  return [
    `import type { MigrationBuilder } from 'node-pg-migrate'`,
    printImport([...(operation.batches ? ['batched'] : []), ...conditions, 'type Optimization']),
    '',
    ...Array.from(names, ([value, name]) => `const ${name} = ${printInline(JSON.parse(value))}`),
    ...(names.size > 0 ? [''] : []),
    'export const optimization: Optimization = {',
    `  ${printField('why', printText(operation.why, 2))},`,
    `  rule: ${printString(operation.rule)},`,
    `  operations: ${printList(operation.ids)},`,
    ...(operation.gain === undefined ? [] : [`  gain: ${printInline(operation.gain)},`]),
    ...(operation.series === undefined ? [] : [`  series: ${printString(operation.series)},`]),
    `  before: ${printCalls(operation.before, names)},`,
    `  after: ${printCalls(operation.after, names)},`,
    '}',
    '',
    printDirection('up', operation.up.map(printStatement), operation.noTransaction),
    '',
    printDirection('down', operation.down.map(printStatement), operation.noTransaction),
    '',
  ].join('\n')

  function printStatement(statement: string): string {
    const batched = operation.batches?.[statement]
    if (batched) return `batched(pgm, ${printBatch(batched)})`
    const call = asCalls.get(statement)
    return call ? printCall(call, names, 2) : `pgm.sql(${printTemplate(statement)})`
  }
}

/** The fields in order, and the statement as it is. */
function printBatch({ table, key, as, sql, workers }: BatchedWork): string {
  const fields = [
    `table: ${printInline(table)}`,
    `key: ${printInline(key)}`,
    ...(as === undefined ? [] : [`as: ${printString(as)}`]),
    ...(workers === undefined ? [] : [`workers: ${workers}`]),
    `sql: ${printTemplate(sql)}`,
  ]
  return `{\n${fields.map((field) => `    ${field},`).join('\n')}\n  }`
}

/** Whether the builder makes exactly this statement from the call; it writes some names as expressions. */
function makes({ method, args }: BuilderCall, statement: string): boolean {
  const pgm = new MigrationBuilder({} as never, undefined, false, console)
  ;(pgm[method] as (...args: unknown[]) => void)(...args)
  return inOneLine(pgm.getSql()) === inOneLine(`${statement};`)
}

function inOneLine(sql: string): string {
  return sql.trim().replaceAll(/\s+/g, ' ')
}

/** The word for an object that several conditions are about, by the beginning of the conditions' names. */
const words: [beginning: string, word: string][] = [
  ['index', 'index'],
  ['function', 'routine'],
  ['statistics', 'statistics'],
  ['', 'table'],
]

/** Names for the objects that more than one condition is about, by their JSON. */
function nameShared(calls: ConditionCall[]): Map<string, string> {
  const names = new Map<string, string>()
  const met = new Set<string>()
  for (const { condition, args } of calls) {
    const [subject] = args
    if (typeof subject !== 'object' || subject === null || Array.isArray(subject)) continue
    const value = JSON.stringify(subject)
    if (met.has(value) && !names.has(value)) {
      const word = words.find(([beginning]) => condition.startsWith(beginning))?.[1] ?? 'object'
      const taken = [...names.values()]
      const count = taken.filter((name) => name.startsWith(word)).length
      names.set(value, count === 0 ? word : `${word}${count + 1}`)
    }
    met.add(value)
  }
  return names
}

/** Beyond this a line is broken where it can be. */
const width = 110

function printImport(names: string[]): string {
  const line = `import { ${names.join(', ')} } from 'hundredfold'`
  if (line.length <= width) return line
  return ['import {', ...names.map((name) => `  ${name},`), `} from 'hundredfold'`].join('\n')
}

function printDirection(name: 'up' | 'down', statements: string[], noTransaction?: string): string {
  const lines = statements.map((statement) => `  ${statement}`)
  if (noTransaction !== undefined) {
    lines.unshift(`  pgm.noTransaction()${name === 'up' ? ` // ${noTransaction.replaceAll('\n', ' ')}` : ''}`)
  }
  return [`export function ${name}(pgm: MigrationBuilder): void {`, ...lines, '}'].join('\n')
}

function printList(texts: string[]): string {
  const [only, ...more] = texts.map(printString)
  if (more.length === 0) return `[${only ?? ''}]`
  return `[\n${texts.map((text) => `    ${printString(text)},`).join('\n')}\n  ]`
}

function printCalls(calls: ConditionCall[], names: ReadonlyMap<string, string>): string {
  if (calls.length === 0) return '[]'
  const printed = calls.map((call) => printCall(call, names, 4))
  return `[\n${printed.map((call) => `    ${call},`).join('\n')}\n  ]`
}

function printCall(
  { condition, args }: ConditionCall,
  names: ReadonlyMap<string, string>,
  indent: number,
): string {
  const given = args.slice(0, args.findLastIndex((argument) => argument !== undefined) + 1)
  const nameOf = (argument: unknown) => names.get(JSON.stringify(argument))
  const line = `${condition}(${given.map((argument) => nameOf(argument) ?? printInline(argument)).join(', ')})`
  if (line.length + indent <= width) return line
  const lines = given.map((argument) =>
    printItem(nameOf(argument) ?? printValue(argument, indent + 2), indent + 2),
  )
  return `${condition}(\n${lines.join('\n')}\n${' '.repeat(indent)})`
}

/** One line of a list, or several where the value brings its own first line break. */
function printItem(printed: string, indent: number): string {
  return printed.startsWith('\n') ? `${printed.slice(1)},` : `${' '.repeat(indent)}${printed},`
}

/** `key: value`, without a space that nothing follows. */
function printField(key: string, printed: string): string {
  return printed.startsWith('\n') ? `${key}:${printed}` : `${key}: ${printed}`
}

/** A JSON value as TypeScript, on one line where it fits. */
function printValue(value: unknown, indent: number): string {
  const line = printInline(value)
  if (line.length + indent <= width) return line
  const outer = ' '.repeat(indent)
  const inner = ' '.repeat(indent + 2)
  if (typeof value === 'string') return printText(value, indent)
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => printItem(printValue(item, indent + 2), indent + 2)).join('\n')}\n${outer}]`
  }
  if (typeof value === 'object' && value !== null) {
    const fields = presentFields(value).map(
      ([key, field]) => `${inner}${printField(printKey(key), printValue(field, indent + 2))},`,
    )
    return `{\n${fields.join('\n')}\n${outer}}`
  }
  return line
}

function printInline(value: unknown): string {
  if (typeof value === 'string') return printString(value)
  if (Array.isArray(value)) return `[${value.map(printInline).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const fields = presentFields(value).map(([key, field]) => `${printKey(key)}: ${printInline(field)}`)
    return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
  }
  return JSON.stringify(value ?? null)
}

function presentFields(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, field]) => field !== undefined)
}

function printKey(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : printString(key)
}

/** A string literal; long ones are broken between words and joined with `+`. */
function printText(text: string, indent: number): string {
  const whole = printString(text)
  if (whole.length + indent <= width && !text.includes('\n')) return whole
  const inner = ' '.repeat(indent + 2)
  const lines = breakText(text, width - indent - 6)
  return `\n${lines.map((line) => `${inner}${printString(line)}`).join(' +\n')}`
}

/** Pieces of at most about `length` characters, cut after spaces and line ends: joined, they are the text again. */
function breakText(text: string, length: number): string[] {
  const pieces: string[] = []
  let piece = ''
  for (const word of text.split(/(?<=[ \n])/)) {
    if (piece.endsWith('\n') || (piece !== '' && piece.length + word.length > length)) {
      pieces.push(piece)
      piece = ''
    }
    piece += word
  }
  return piece === '' ? pieces : [...pieces, piece]
}

/** In the quotes that need the fewest escapes; every other character as JSON writes it. */
function printString(text: string): string {
  const body = JSON.stringify(text).slice(1, -1)
  if (text.includes("'") && !text.includes('"')) return `"${body}"`
  return `'${body.replaceAll(String.raw`\"`, '"').replaceAll("'", String.raw`\'`)}'`
}

/** SQL between backquotes, over several lines where it has them. JavaScript reads a bare CR there as LF. */
export function printTemplate(sql: string): string {
  const body = sql
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('`', '\\`')
    .replaceAll('${', '\\${')
    .replaceAll('\r', String.raw`\r`)
  return `\`${body}\``
}
