import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { UsageError } from '../errors.ts'
import { toolNames } from './tool.ts'

/** Where a project keeps what `init` has found out. */
export const settingsFile = '.hundredfold/project.json'

const settingsSchema = z.strictObject({
  /** Where hundredfold's migrations lie: the default of `--dir` and `--out`. */
  migrations: z.string().min(1).default('migrations'),
  /** The project's other migration tool, by the name of its format. */
  tool: z.enum(toolNames).optional(),
})

export type ProjectSettings = z.infer<typeof settingsSchema>

/**
 * The settings of the project in a directory, or the defaults.
 *
 * @throws UsageError that names the file and the key
 */
export function readProjectSettings(directory = '.'): ProjectSettings {
  const file = join(directory, settingsFile)
  if (!existsSync(file)) return settingsSchema.parse({})
  try {
    return settingsSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined
    const reason = issue ? `${issue.path.join('.') || 'its top'}: ${issue.message}` : 'it is no JSON'
    throw new UsageError(
      `${file} cannot be read: ${reason}.`,
      'Correct it, or remove it and run `hundredfold init`.',
      {
        cause: error,
      },
    )
  }
}
