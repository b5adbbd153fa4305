import { readFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { UsageError } from '../../errors.ts'
import { errorCode } from '../../postgres/sqlState.ts'
import { cannotWrite } from '../../wholeFile.ts'

/**
 * Keeps other monitors from writing the same file, by a file beside it that has our process id. One that a dead process has
 * left is taken over.
 *
 * @returns gives the file free again
 * @throws UsageError where another monitor writes it
 */
export async function claimFile(path: string): Promise<() => Promise<void>> {
  const claim = join(dirname(resolve(path)), `.${basename(path)}.hundredfold`)
  for (;;) {
    try {
      await writeFile(claim, `${process.pid}\n`, { flag: 'wx' })
      return () => rm(claim, { force: true })
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw cannotWrite(path, error, '--textfile')
    }
    const holder = await readHolder(claim)
    if (isAlive(holder)) {
      throw new UsageError(
        `Another monitor (process ${holder}) writes ${path} already.`,
        `Stop it, or give this one another file with --textfile. If no monitor runs, remove ${claim}.`,
      )
    }
    await rm(claim, { force: true })
  }
}

/** NaN where the file says none: its writer died between making and writing it, or is about to write. */
async function readHolder(claim: string): Promise<number> {
  const read = async () => Number.parseInt(await readFile(claim, 'utf8').catch(() => ''), 10)
  const holder = await read()
  if (!Number.isNaN(holder)) return holder
  await sleep(200)
  return read()
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It lives, but belongs to somebody else.
    return errorCode(error) === 'EPERM'
  }
}
