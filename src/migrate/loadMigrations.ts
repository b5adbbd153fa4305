import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import * as z from 'zod'
import type { Optimization } from '../conditions/condition.ts'
import { UsageError } from '../errors.ts'
import type { MigrationText } from './importMigration.ts'
import { importMigration, prepareImports } from './importMigration.ts'
import type { Action, Migration } from './migration.ts'

const extensions = ['.ts', '.mts', '.js', '.mjs', '.cjs']

/** `YYYYMMDDhhmmssSSS_verb-object`: node-pg-migrate orders files by this number. */
export const migrationName = /^\d{17}_[a-z0-9]+(-[a-z0-9]+)*$/

/** The migration's name, or undefined of a file that is none. */
export function nameOfFile(file: string): string | undefined {
  const name = basename(file, extname(file))
  return extensions.includes(extname(file)) && migrationName.test(name) ? name : undefined
}

const conditionSchema = z.looseObject({ description: z.string().min(1), check: z.function() })
const optimizationSchema = z.object({
  why: z.string().min(1),
  rule: z.string().min(1),
  operations: z.array(z.string()).optional(),
  gain: z
    .object({
      msPerHour: z.number().optional(),
      bytes: z.number().optional(),
      costBefore: z.number().optional(),
      costAfter: z.number().optional(),
    })
    .optional(),
  series: z.string().optional(),
  before: z.array(conditionSchema),
  after: z.array(conditionSchema),
})

/**
 * Loads every migration of a directory, in the order in which they run. Folders, and files that begin with a dot, are
 * left out, as node-pg-migrate does.
 *
 * @throws UsageError that names the file: a wrong name, two files with one number, code that does not load, no `up` or
 * `down`, or an `optimization` of the wrong shape.
 */
export async function loadMigrations(directory: string): Promise<Migration[]> {
  const files = await listFiles(directory)
  const texts = await Promise.all(
    files.map(async (file) => {
      const path = join(directory, file)
      return { path, text: await readFile(path, 'utf8') }
    }),
  )
  await prepareImports(texts)
  const migrations = await Promise.all(texts.map(loadMigration))
  refuseSharedNumbers(migrations)
  return migrations
}

async function listFiles(directory: string): Promise<string[]> {
  let entries
  try {
    entries = await readdir(directory, { withFileTypes: true })
  } catch {
    throw new UsageError(
      `There is no directory ${directory}.`,
      'Create it, or name the directory of your migrations with --dir.',
    )
  }
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
  for (const { name } of files) {
    if (nameOfFile(name) !== undefined) continue
    throw new UsageError(
      `${join(directory, name)} is not named like a migration.`,
      'Name it YYYYMMDDhhmmssSSS_verb-object.ts (17 digits, UTC), or move it out of the directory; `migrate new` makes a file with the right name.',
    )
  }
  return files.map(({ name }) => name).sort()
}

async function loadMigration({ path, text }: MigrationText): Promise<Migration> {
  let module: Record<string, unknown>
  try {
    module = await importMigration(path)
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    throw new UsageError(`${path} does not load: ${message}`, 'Fix the file; nothing was run.', {
      cause: error,
    })
  }
  return {
    name: basename(path, extname(path)),
    path,
    checksum: createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex'),
    up: readAction(module, 'up', path),
    down: readAction(module, 'down', path),
    ...readOptimization(module, path),
  }
}

function readAction(module: Record<string, unknown>, direction: 'up' | 'down', path: string): Action {
  const action = module[direction]
  if (typeof action !== 'function') {
    throw new UsageError(
      `${path} has no function ${direction}.`,
      direction === 'down'
        ? 'Write a `down` that takes back exactly what `up` does: every migration must be reversible.'
        : 'Export a function `up(pgm)`.',
    )
  }
  if (action.length > 1) {
    throw new UsageError(
      `${path}: ${direction} takes ${action.length} parameters.`,
      'Write it as `(pgm) => ...`, and return a promise if it must wait; a callback that is never called would hang the run.',
    )
  }
  return action as Action
}

export function readOptimization(
  module: Record<string, unknown>,
  path: string,
): { optimization?: Optimization } {
  if (module['optimization'] === undefined) return {}
  const parsed = optimizationSchema.safeParse(module['optimization'])
  if (parsed.success) return { optimization: module['optimization'] as Optimization }
  const issue = parsed.error.issues[0]
  throw new UsageError(
    `${path}: the export \`optimization\` is wrong at ${issue?.path.join('.') || 'its top'}: ${issue?.message ?? 'unknown shape'}.`,
    'It needs why, rule, before and after; a condition is an object with a description and a function check(db).',
  )
}

function refuseSharedNumbers(migrations: Migration[]): void {
  const seen = new Map<string, string>()
  for (const { name } of migrations) {
    const number = name.slice(0, 17)
    const other = seen.get(number)
    if (other) {
      throw new UsageError(
        `The migrations ${other} and ${name} have the same number.`,
        'Rename one of them: the number decides the order.',
      )
    }
    seen.set(number, name)
  }
}
