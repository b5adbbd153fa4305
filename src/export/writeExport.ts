import { lstat, mkdir, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HundredfoldError, UsageError } from '../errors.ts'
import { errorCode } from '../postgres/sqlState.ts'
import { shortList } from '../shortList.ts'
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
  const undo: { path: string; back: () => Promise<unknown> }[] = []
  try {
    for (const { path, text, replaces } of files) {
      signal?.throwIfAborted()
      const older = replaces ? await readOlder(path) : undefined
      const made = await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
        throw cannotWrite(dirname(path), error, '--out')
      })
      if (made !== undefined)
        undo.unshift({ path: made, back: () => rm(made, { recursive: true, force: true }) })
      await writeWholeFile(path, text, { exclusive: !replaces, placedBy: '--out' })
      undo.unshift({
        path,
        back: () => (older === undefined ? rm(path, { force: true }) : writeWholeFile(path, older)),
      })
    }
    signal?.throwIfAborted()
  } catch (error) {
    const left: string[] = []
    for (const { path, back } of undo) await back().catch(() => left.push(path))
    if (left.length === 0 && !(error instanceof HundredfoldError)) throw error
    const { exitCode, message, next } =
      error instanceof HundredfoldError ? error : cannotWrite(left[0] ?? '', error, '--out')
    const outcome = left.length === 0 ? 'No file was written.' : `Take back yourself: ${shortList(left)}.`
    throw new HundredfoldError(exitCode, `${message} ${outcome}`, next, { cause: error })
  }
}

/** Undefined where there is no such file yet. One that cannot be read could not be put back, so nothing replaces it. */
async function readOlder(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw cannotWrite(path, error, '--out')
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
