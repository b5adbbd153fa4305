import type { ExportedMigration } from './exported.ts'
import { conditionsFile } from './conditionsFile.ts'
import type { ExportFile, FormatName } from './format.ts'
import { formats } from './formats.ts'
import { sideDirectory } from './sideFiles.ts'

/** A migration in another tool's layout. */
export interface Exported {
  migration: ExportedMigration
  /** What the tool calls it. */
  name: string
  files: ExportFile[]
  /** The file of its conditions, where they are data. */
  conditions?: string
}

export interface ExportOptions {
  format: FormatName
  out: string
  now?: Date
}

/**
 * The files of migrations in another tool's layout, in order; nothing is written yet.
 *
 * ```ts
 * const layout = await openExport({ format: 'prisma', out: 'prisma/migrations' })
 * const { files } = layout.add(migration)
 * await writeExport(files)
 * ```
 */
export async function openExport({ format, out, now = new Date() }: ExportOptions): Promise<{
  add(migration: ExportedMigration): Exported
}> {
  const layout = await formats[format].open(out, now)
  return {
    add(migration) {
      const { name, files } = layout.add(migration)
      const conditions = conditionsFile(sideDirectory(out), name, migration)
      if (conditions === undefined) return { migration, name, files }
      // Before a journal or plan, which names what has to be there.
      const last = files.filter(({ replaces }) => replaces)
      const first = files.filter(({ replaces }) => !replaces)
      return { migration, name, files: [...first, conditions, ...last], conditions: conditions.path }
    },
  }
}

/** Why the tool could not run the migration as it is meant; undefined where it can. */
export function misread(format: FormatName, { up, down }: ExportedMigration): string | undefined {
  const { misreads } = formats[format]
  for (const statement of [...up.statements, ...down.statements]) {
    const reason = misreads?.(statement)
    if (reason !== undefined) return reason
  }
  return undefined
}
