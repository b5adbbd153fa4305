import { readFile } from 'node:fs/promises'
import { LineCounter, parseDocument } from 'yaml'
import type { Document } from 'yaml'
import type * as z from 'zod'
import type { Unit } from '../../../metrics/measurement.ts'
import { UsageError, messageOf } from '../../../errors.ts'
import { allowedKeys } from './allowedKeys.ts'
import { checkMeaning } from './checkMeaning.ts'
import { didYouMean } from './nearestName.ts'
import type { Place } from './places.ts'
import { placeOfKey, placeOfValue } from './places.ts'
import type { AlertFile } from './schema.ts'
import { fileSchema } from './schema.ts'

/** A metric that alerts may name, and the unit of its values. */
export interface KnownMetric {
  id: string
  unit: Unit
}

/**
 * Reads the file of alerts and checks it as a whole: keys, values with units, metrics, labels of receivers.
 *
 * ```yaml
 * alerts:
 *   - id: database_connections
 *     metric: connection_usage
 *     above: 80 %
 * ```
 *
 * @throws UsageError that names the file, the line, the column and the key
 */
export async function readAlertFile(path: string, metrics: readonly KnownMetric[]): Promise<AlertFile> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(
      `Cannot read ${path}: ${messageOf(error).split(', ')[0] ?? ''}.`,
      'Name a file of alerts; `npx hundredfold monitor --print-alerts` prints one to begin with.',
    )
  }
  return parseAlertFile(text, path, metrics)
}

/** Like `readAlertFile`, for a text that has been read; `path` is for messages. */
export function parseAlertFile(text: string, path: string, metrics: readonly KnownMetric[]): AlertFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const [broken] = document.errors
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0])
    const [reason = ''] = broken.message.split(' at line ')
    throw refusal(path, { line, column: col }, `not valid YAML: ${reason}`)
  }
  const content: unknown = document.toJS({ maxAliasCount: 100 })
  const parsed = fileSchema.safeParse(content ?? {})
  if (!parsed.success) throw refusalOf(parsed.error, path, document, lines, content)
  const problem = checkMeaning(parsed.data, metrics)
  if (problem) {
    const place = problem.isKey
      ? placeOfKey(document, lines, problem.path.slice(0, -1), problem.path.at(-1))
      : undefined
    throw refusal(
      path,
      place ?? placeOfValue(document, lines, problem.path),
      `${keyText(problem.path)}: ${problem.message}`,
    )
  }
  return parsed.data
}

function refusalOf(
  error: z.ZodError,
  path: string,
  document: Document,
  lines: LineCounter,
  content: unknown,
): UsageError {
  const unknownKey = error.issues.find((issue) => issue.code === 'unrecognized_keys')
  const issue = unknownKey ?? error.issues[0]
  if (!issue) throw error
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    const allowed = allowedKeys(fileSchema, issue.path, content)
    const place = placeOfKey(document, lines, issue.path, key) ?? placeOfValue(document, lines, issue.path)
    return refusal(
      path,
      place,
      `${keyText([...issue.path, key])}: unknown key "${key}"${didYouMean(key, allowed)}`,
      `Allowed here: ${allowed.join(', ')}.`,
    )
  }
  const place = placeOfValue(document, lines, issue.path)
  const value = issue.path.reduce<unknown>(
    (inner, step) => (inner as Record<PropertyKey, unknown> | undefined)?.[step],
    content,
  )
  return refusal(path, place, `${keyText(issue.path)}: ${issueText(issue, value)}`)
}

function issueText(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return 'is missing'
  if (issue.code === 'invalid_value') {
    const allowed = issue.values.map(String)
    return `"${String(value)}" is not known${didYouMean(String(value), allowed)}; allowed: ${allowed.join(', ')}`
  }
  if (issue.code === 'invalid_union' && 'discriminator' in issue) {
    const allowed = ['stdout', 'webhook', 'posthog', 'betterstack']
    const type = typeof value === 'string' ? value : ''
    return `unknown type "${type}"${didYouMean(type, allowed)}; allowed: ${allowed.join(', ')}`
  }
  if (issue.code === 'too_small') return 'may not be empty'
  if (issue.code === 'invalid_type') return `has to be ${issue.expected}`
  return issue.message
}

/** `alerts[1].above`: the path as a person finds it; entries count from 1. */
function keyText(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step + 1}]` : `.${String(step)}`)).join('')
  return text === '' ? 'the file' : text.replace(/^\./, '')
}

function refusal(
  path: string,
  { line, column }: Place,
  what: string,
  next = 'Correct the file; `npx hundredfold monitor --print-alerts` prints one that is right.',
): UsageError {
  return new UsageError(`${path}, line ${line}, column ${column}: ${what}.`, next)
}
