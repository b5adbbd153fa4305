import { chmod, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { HundredfoldError, UsageError, exitCodes } from './errors.ts'

export interface WholeFileOptions {
  /** Permissions of a new file; an existing file keeps its own. */
  mode?: number
  /** Fail if the file exists. */
  exclusive?: boolean
  /** The option of the command line that says where the file goes, such as `--out`. */
  placedBy?: string
}

/**
 * Writes a file all or nothing: first under a temporary name beside it, then renamed. After a full disk or a kill an
 * older file is still there, unchanged. Devices and pipes are written to directly.
 *
 * @throws HundredfoldError that names the file: exit code 1 where the disk is full, 5 where the place is wrong
 */
export async function writeWholeFile(
  path: string,
  text: string,
  options: WholeFileOptions = {},
): Promise<void> {
  try {
    await writeOrThrow(path, text, options)
  } catch (error) {
    throw cannotWrite(path, error, options.placedBy)
  }
}

/** The error of a file that could not be written: what the system said, and what to do next. */
export function cannotWrite(path: string, error: unknown, placedBy?: string): HundredfoldError {
  const withOption = placedBy === undefined ? '' : ` with ${placedBy}`
  const full = noRoom[(error as NodeJS.ErrnoException).code ?? '']
  if (full !== undefined) {
    return new HundredfoldError(
      exitCodes.unexpected,
      `Cannot write ${path}: ${full}. Nothing half-written is left.`,
      `Make room, or name a place on another disk${withOption}, and run the command again.`,
      { cause: error },
    )
  }
  // Behind the comma the system names the temporary file, which means nothing to the reader.
  const reason = error instanceof Error ? error.message.split(', ')[0] : String(error)
  return new UsageError(
    `Cannot write ${path}: ${reason}.`,
    `Name a directory that exists and that you may write to${withOption}.`,
    { cause: error },
  )
}

/** Error codes that mean the disk is at fault, not the path. */
const noRoom: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the disk reports an I/O error',
}

async function writeOrThrow(
  path: string,
  text: string,
  { mode, exclusive }: WholeFileOptions,
): Promise<void> {
  const there = await stat(path).catch(() => undefined)
  if (there && exclusive) throw new Error('it is there already')
  if (isDevice(path) || (there && !there.isFile())) return writeFile(path, text)
  // A link stays a link: its target is replaced.
  const target = there ? await realpath(path) : resolve(path)
  const unfinished = join(dirname(target), `.hundredfold-unfinished-${randomBytes(6).toString('hex')}`)
  try {
    await writeFile(unfinished, text, { flush: true, flag: 'wx', ...(mode === undefined ? {} : { mode }) })
    if (there) await chmod(unfinished, there.mode & 0o7777)
    await rename(unfinished, target)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined)
    throw error
  }
}

/** `/dev/stdout` may be a file that the shell holds open: after a rename the shell would still hold the old file. */
function isDevice(path: string): boolean {
  return /^\/(dev|proc)\//.test(resolve(path))
}
