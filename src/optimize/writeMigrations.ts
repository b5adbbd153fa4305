import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Operation } from '../operations/operation.ts'
import { HundredfoldError } from '../errors.ts'
import { shortList } from '../shortList.ts'
import { cannotWrite, writeWholeFile } from '../wholeFile.ts'
import type { Group } from './groupOperations.ts'
import { migrationFile } from './migrationFile.ts'
import { listMigrationFiles, migrationNumbers, slugOf } from './migrationNames.ts'

/**
 * Writes a file for each group, in this order, numbered after the existing files. Returns the path of each operation's
 * file.
 *
 * @throws HundredfoldError that names the file which could not be written, and those that were
 */
export async function writeMigrations(
  directory: string,
  groups: Group[],
  now = new Date(),
): Promise<Map<Operation, string>> {
  const numbers = migrationNumbers(await listMigrationFiles(directory), now)
  const written = new Map<Operation, string>()
  const paths: string[] = []
  try {
    await mkdir(directory, { recursive: true })
    for (const { operation, operations } of groups) {
      const path = join(directory, `${numbers.next().value}_${slugOf(operation.title)}.ts`)
      await writeWholeFile(path, migrationFile(operation), { exclusive: true, placedBy: '--out' })
      paths.push(path)
      for (const each of operations) written.set(each, path)
    }
  } catch (error) {
    const { exitCode, message, next } =
      error instanceof HundredfoldError ? error : cannotWrite(directory, error, '--out')
    const soFar = paths.length === 0 ? 'No migration was written' : `Written: ${shortList(paths)}`
    throw new HundredfoldError(exitCode, `${message} ${soFar}.`, next, {
      cause: error,
      details: paths,
    })
  }
  return written
}
