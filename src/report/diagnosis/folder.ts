import { constants } from 'node:fs'
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { errorCode } from '../../postgres/sqlState.ts'
import { HundredfoldError, UsageError } from '../../errors.ts'
import { cannotWrite } from '../../wholeFile.ts'

/** `20261124-153000`, in UTC. */
export function stampOf(takenAt: Date): string {
  return takenAt.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
}

/** `diagnostics-20261124-153000`, in UTC. */
export function folderName(takenAt: Date): string {
  return `diagnostics-${stampOf(takenAt)}`
}

/** The folder of that second, or of the next one that has none yet: two reports may be taken in one second. */
export async function freeFolder(directory: string, takenAt: string): Promise<string> {
  const second = new Date(takenAt)
  for (;;) {
    const folder = join(directory, folderName(second))
    if (!(await stat(folder).catch(() => undefined))) return folder
    second.setSeconds(second.getSeconds() + 1)
  }
}

/**
 * Writes the files into a new folder, all or nothing. They are written into another folder beside it, which gets the
 * name when the last file is on the disk.
 *
 * @throws HundredfoldError if the disk is full (exit code 1), the place is not writable, or the folder exists already.
 */
export async function writeFolder(folder: string, files: Record<string, string>): Promise<void> {
  const target = resolve(folder)
  let unfinished: string | undefined
  try {
    await refuseExisting(target)
    await refuseUnwritable(dirname(target))
    await mkdir(dirname(target), { recursive: true })
    unfinished = await mkdtemp(join(dirname(target), '.diagnostics-unfinished-'))
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(unfinished, name), text, { flush: true })
    }
    // It was created for us alone, but should be as readable as any other folder.
    await chmod(unfinished, 0o777 & ~process.umask())
    await rename(unfinished, target)
  } catch (error) {
    if (unfinished !== undefined)
      await rm(unfinished, { recursive: true, force: true }).catch(() => undefined)
    if (error instanceof HundredfoldError) throw error
    throw cannotWrite(`the report to ${folder}`, error, '--out')
  }
}

/** An empty folder is fine: rename replaces it. */
async function refuseExisting(target: string): Promise<void> {
  const found = await stat(target).catch(() => undefined)
  if (!found) return
  if (found.isDirectory() && (await readdir(target)).length === 0) return
  throw new UsageError(
    `${target} exists already, and a report never overwrites anything.`,
    'Name another place with --out, or move this one away.',
  )
}

/**
 * Checks that the nearest existing directory accepts new entries. A recursive `mkdir` never returns if the system
 * reports that the parent of a new directory is missing, as `/proc` does.
 */
async function refuseUnwritable(directory: string): Promise<void> {
  let nearest = directory
  for (;;) {
    const found = await stat(nearest).catch(() => undefined)
    if (found) break
    nearest = dirname(nearest)
  }
  try {
    await access(nearest, constants.W_OK | constants.X_OK)
    await rm(await mkdtemp(join(nearest, '.diagnostics-unfinished-')), { recursive: true })
  } catch (error) {
    const reason = errorCode(error) === 'ENOENT' ? new Error('nothing can be made there') : error
    throw cannotWrite(`the report into ${nearest}`, reason, '--out')
  }
}
