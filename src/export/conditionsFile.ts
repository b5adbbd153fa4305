import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import * as z from 'zod'
import type { Condition } from '../conditions/condition.ts'
import { UsageError, messageOf } from '../errors.ts'
import type { ConditionCall } from '../operations/operation.ts'
import { importMigration, prepareImports } from '../migrate/importMigration.ts'
import { readOptimization } from '../migrate/loadMigrations.ts'
import { conditionsByName } from './conditionsByName.ts'
import type { ExportedMigration } from './exported.ts'
import type { ExportFile } from './format.ts'

const callSchema = z.strictObject({ condition: z.string(), args: z.array(z.unknown()) })

/** The conditions of a migration that another tool runs: what has to hold before it, and what after. */
const fileSchema = z.looseObject({
  schemaVersion: z.literal(1),
  migration: z.string(),
  before: z.array(callSchema),
  after: z.array(callSchema),
})

/**
 * `hundredfold/NAME.conditions.json`: the conditions by the names under which `hundredfold` exports them, with their arguments.
 *
 * ```json
 * { "schemaVersion": 1, "migration": "20261130120000_create_a_b_idx", "why": "...",
 *   "before": [{ "condition": "indexIsAbsent", "args": [{ "schema": "public", "name": "a_b_idx" }] }],
 *   "after": [{ "condition": "indexIsValid", "args": [{ "schema": "public", "name": "a_b_idx" }] }] }
 * ```
 */
export function conditionsFile(
  directory: string,
  name: string,
  { rule, why, ids, conditions }: ExportedMigration,
): ExportFile | undefined {
  if (conditions === undefined) return undefined
  const before = conditions.before.map(asGiven)
  const after = conditions.after.map(asGiven)
  const body = { schemaVersion: 1, migration: name, rule, why, operations: ids, before, after }
  return { path: join(directory, `${name}.conditions.json`), text: `${JSON.stringify(body, null, 2)}\n` }
}

/** Without arguments that are left out at the end, which JSON would write as null. */
function asGiven({ condition, args }: ConditionCall): ConditionCall {
  return { condition, args: args.slice(0, args.findLastIndex((argument) => argument !== undefined) + 1) }
}

/** The conditions of a file, as it may be given to `verify`. */
export interface ReadConditions {
  migration: string
  before: Condition[]
  after: Condition[]
}

/**
 * Reads a file that an export wrote, or a migration file, whose export `optimization` has them.
 *
 * @throws UsageError that names the file
 */
export async function readConditions(path: string): Promise<ReadConditions> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(
      `Cannot read ${path}: ${messageOf(error).split(', ')[0]}.`,
      'Name a file of conditions that an export wrote, or a migration file.',
      { cause: error },
    )
  })
  return extname(path) === '.json' ? fromJson(path, text) : fromModule(path, text)
}

function fromJson(path: string, text: string): ReadConditions {
  let body: z.infer<typeof fileSchema>
  try {
    body = fileSchema.parse(JSON.parse(text))
  } catch (error) {
    const [issue] = error instanceof z.ZodError ? error.issues : []
    const reason = issue ? `${issue.path.join('.') || 'its top'}: ${issue.message}` : messageOf(error)
    throw new UsageError(
      `${path} is no file of conditions: ${reason}.`,
      'It needs schemaVersion 1, migration, before and after; see docs/export.md.',
      { cause: error },
    )
  }
  const make = ({ condition, args }: z.infer<typeof callSchema>) => makeCondition(path, condition, args)
  return { migration: body.migration, before: body.before.map(make), after: body.after.map(make) }
}

function makeCondition(path: string, name: string, args: unknown[]): Condition {
  const make = conditionsByName.get(name)
  if (make === undefined) {
    throw new UsageError(
      `${path} has a condition "${name}", which this version does not know.`,
      'Correct the name, or install the version of hundredfold that wrote the file.',
    )
  }
  try {
    const made = make(...args) as Partial<Condition> | undefined
    if (typeof made?.description === 'string' && typeof made.check === 'function') return made as Condition
    throw new Error('it makes no condition')
  } catch (error) {
    throw new UsageError(
      `${path} calls ${name} with arguments that it does not take: ${messageOf(error)}.`,
      'Write the file again by the command that wrote it.',
      { cause: error },
    )
  }
}

async function fromModule(path: string, text: string): Promise<ReadConditions> {
  await prepareImports([{ path, text }])
  let module: Record<string, unknown>
  try {
    module = await importMigration(path)
  } catch (error) {
    throw new UsageError(`${path} does not load: ${messageOf(error).split('\n')[0]}`, 'Fix the file.', {
      cause: error,
    })
  }
  const { optimization } = readOptimization(module, path)
  if (optimization !== undefined) return { migration: path, ...optimization }
  throw new UsageError(
    `${path} has no export \`optimization\`, which holds the conditions.`,
    'Name a migration file of hundredfold, or a file of conditions that an export wrote.',
  )
}
