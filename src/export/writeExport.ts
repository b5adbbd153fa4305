import { lstat, mkdir, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HundredfoldError, UsageError } from '../errors.ts'
import { cannotWrite, writeWholeFile } from '../wholeFile.ts'
import type { ExportFile } from './format.ts'

/**
 * Writes the files of an export in this order, and all of them or none: where one cannot be written, or the command is
 * stopped, those before it are taken away again, and what was replaced is as it was.
 *
 * @throws UsageError that names a file which is there already; nothing is written then
 */
export async function writeExport(files: ExportFile[], signal?: AbortSignal): Promise<void> {
  for (const { path, replaces } of files) if (!replaces) await refuseExisting(path)
  const undo: (() => Promise<unknown>)[] = []
  try {
    for (const { path, text, replaces } of files) {
      signal?.throwIfAborted()
      const older = replaces ? await readFile(path, 'utf8').catch(() => undefined) : undefined
      const made = await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
        throw cannotWrite(dirname(path), error, '--out')
      })
      if (made !== undefined) undo.unshift(() => rm(made, { recursive: true, force: true }))
      await writeWholeFile(path, text, { exclusive: !replaces, placedBy: '--out' })
      undo.unshift(() => (older === undefined ? rm(path, { force: true }) : writeWholeFile(path, older)))
    }
    signal?.throwIfAborted()
  } catch (error) {
    for (const step of undo) await step().catch(() => undefined)
    if (!(error instanceof HundredfoldError)) throw error
    throw new HundredfoldError(error.exitCode, `${error.message} No file was written.`, error.next, {
      cause: error,
    })
  }
}

async function refuseExisting(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined)
  if (there === undefined) return
  throw new UsageError(
    `${path} is there already. No file was written.`,
    'Move it away, or name another directory with --out.',
  )
}
