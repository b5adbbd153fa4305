import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UsageError } from '../errors.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { PlannedFile } from './plannedFile.ts'

/**
 * Writes the files, each all or nothing. Where one cannot be written, none is; after an interruption another run writes
 * what is missing.
 *
 * @throws UsageError that names the file, the directory that may not be written, or the file in the place of a directory
 */
export async function writeInit(
  directory: string,
  files: readonly PlannedFile[],
  { signal }: { signal?: AbortSignal } = {},
): Promise<void> {
  for (const { path } of files) refuseUnwritable(join(directory, path))
  for (const { path, text, isNew } of files) {
    signal?.throwIfAborted()
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeWholeFile(join(directory, path), text, { exclusive: isNew })
  }
}

function refuseUnwritable(file: string): void {
  if (existsSync(file) && !statSync(file).isFile()) {
    throw new UsageError(`${file} is not a file.`, 'Move it away and run this again; nothing was written.')
  }
  const place = nearestExisting(dirname(file))
  if (!statSync(place).isDirectory()) {
    throw new UsageError(
      `${place} is a file, where a directory for ${file} is needed.`,
      'Move it away and run this again; nothing was written.',
    )
  }
  try {
    accessSync(place, constants.W_OK)
  } catch (error) {
    throw new UsageError(
      `The directory ${place} may not be written.`,
      'Run this as somebody who may write there; nothing was written.',
      { cause: error },
    )
  }
}

function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(dirname(directory))
}
