import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Draft } from '../drafts/draft.ts'
import { UsageError } from '../errors.ts'
import { shortList } from '../shortList.ts'
import { migrationFile } from './migrationFile.ts'
import { listMigrationFiles, migrationNumbers, slugOf } from './migrationNames.ts'

/**
 * Writes a file for each draft, in this order, with numbers behind those of the files that are there, and tells
 * the path of each.
 *
 * @throws UsageError where the directory cannot be written to
 */
export async function writeMigrations(
  directory: string,
  drafts: Draft[],
  now = new Date(),
): Promise<Map<Draft, string>> {
  const numbers = migrationNumbers(await listMigrationFiles(directory), now)
  const written = new Map<Draft, string>()
  try {
    await mkdir(directory, { recursive: true })
    for (const draft of drafts) {
      const path = join(directory, `${numbers.next().value}_${slugOf(draft.title)}.ts`)
      await writeFile(path, migrationFile(draft), { flag: 'wx' })
      written.set(draft, path)
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(
      `The migrations cannot be written: ${reason}.`,
      `${written.size === 0 ? 'Nothing was written' : `Written so far: ${shortList([...written.values()])}`}. Name another directory with --out.`,
      { cause: error, details: [...written.values()] },
    )
  }
  return written
}
