import { readProjectSettings } from '../project/settings.ts'
import type { Level } from '../rules/rule.ts'
import type { RuleName } from '../rules/ruleNames.ts'
import type { OnDatabase } from './session.ts'
import { withSession } from './session.ts'

export interface OptimizeOptions extends OnDatabase {
  /** Where migrations lie: what a pending one does is not proposed again. By default the project's directory. */
  directory?: string
  /** Findings of this level or worse; `warn` by default. */
  level?: Level
  /** Only these rules. */
  rules?: RuleName[]
  /** Only objects of these schemas. */
  schemas?: string[]
  /** Statements in the format of workload files: the indexes that they want are proposed too. */
  workload?: string
}

export interface Proposal {
  /** One for each file, in the order in which they have to run. */
  migrations: { title: string; text: string }[]
  /** Findings without a migration, and why. */
  skipped: { key: string; rule: string; reason: string }[]
  /** Writes the files, and returns their paths. */
  write(): Promise<string[]>
}

/**
 * Turns findings into migrations. The database is only read, and no file is written until `write` is called.
 *
 * ```ts
 * const { migrations, write } = await optimize({ url: process.env.DIRECT_URL, rules: ['unindexed_foreign_keys'] })
 * console.log(migrations[0]?.text)
 * await write()
 * ```
 *
 * @throws HundredfoldError if the database cannot be reached, or a migration of the directory does not load
 */
export async function optimize(options: OptimizeOptions = {}): Promise<Proposal> {
  const { directory = readProjectSettings().migrations, level = 'warn', rules, schemas, workload } = options
  const { migrationFile } = await import('../optimize/migrationFile.ts')
  const { optimize: optimizeSession } = await import('../optimize/optimize.ts')
  const { writeMigrations } = await import('../optimize/writeMigrations.ts')
  const { readIgnoreFile } = await import('../rules/ignoreFile.ts')
  const { rules: allRules } = await import('../rules/index.ts')
  const { parseWorkload } = await import('../workload/workloadFile.ts')
  const ignore = await readIgnoreFile()
  return withSession(options, async (client) => {
    const { groups, choice } = await optimizeSession(client, {
      ...{ directory, level, ignore },
      ...(rules ? { rules: allRules.filter(({ name }) => rules.includes(name)) } : {}),
      ...(schemas ? { schemas } : {}),
      ...(workload === undefined
        ? {}
        : { workload: { statements: parseWorkload(workload), complete: false } }),
    })
    return {
      migrations: groups.map(({ operation }) => ({ title: operation.title, text: migrationFile(operation) })),
      skipped: choice.skipped,
      write: async () => [...new Set((await writeMigrations(directory, groups)).values())],
    }
  })
}
