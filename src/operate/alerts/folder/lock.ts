import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { HundredfoldError, UsageError, exitCodes } from '../../../errors.ts'
import { cannotWrite } from '../../../wholeFile.ts'

/** The right to write into a folder. */
export interface FolderLock {
  /** @throws HundredfoldError if somebody else has taken the folder meanwhile */
  confirm(): Promise<void>
  release(): Promise<void>
}

const ownerSchema = z.object({
  token: z.string(),
  pid: z.number(),
  host: z.string(),
  /** When the process was started, as the system counts: a later process may have the same number. */
  started: z.string(),
})
type Owner = z.infer<typeof ownerSchema>

const touchEveryMs = 5_000
/** On another machine nobody can look for the process; its lock counts as left behind after so long without a touch. */
const leftBehindAfterMs = 60_000

/**
 * Takes a folder for this process. A lock that a killed process has left is taken over: its process is looked up by
 * number and starting time, and on another machine (or in another container) by when the lock was touched last.
 *
 * @throws UsageError if a process that runs has it
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, 'lock')
  const own: Owner = {
    token: randomUUID(),
    pid: process.pid,
    host: hostname(),
    started: await startOf(process.pid),
  }
  await take(path, own)
  const touching = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined)
  }, touchEveryMs)
  touching.unref()
  return {
    async confirm() {
      if ((await readOwner(path))?.token === own.token) return
      throw new HundredfoldError(
        exitCodes.unexpected,
        `The lock ${path} was taken away: another monitor uses this folder, or somebody has removed the file.`,
        'Run one monitor for each folder, and start this one again.',
      )
    },
    async release() {
      clearInterval(touching)
      if ((await readOwner(path))?.token === own.token) await rm(path, { force: true })
    },
  }
}

async function take(path: string, own: Owner): Promise<void> {
  const mine = `${path}.${own.token}`
  try {
    await writeFile(mine, JSON.stringify(own), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    throw cannotWrite(mine, error)
  }
  try {
    for (let tries = 0; tries < 20; tries += 1) {
      // A link appears whole or not at all, and never replaces another.
      if (await succeeds(link(mine, path))) return
      const owner = await readOwner(path)
      if (owner && (await isAlive(path, owner))) throw inUse(path, owner)
      await moveAway(path, owner, `${path}.left-${own.token}`)
      await sleep(Math.random() * 20)
    }
    throw inUse(path, undefined)
  } finally {
    await rm(mine, { force: true })
  }
}

/** Of several that find the same lock left behind, one moves it away; who moved a newer one by mistake puts it back. */
async function moveAway(path: string, dead: Owner | undefined, aside: string): Promise<void> {
  if (!(await succeeds(rename(path, aside)))) return
  const moved = await readOwner(aside)
  if (moved && moved.token !== dead?.token) await succeeds(link(aside, path))
  await rm(aside, { force: true })
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return undefined
  }
}

async function isAlive(path: string, owner: Owner): Promise<boolean> {
  if (owner.host !== hostname()) {
    const touched = await stat(path).catch(() => undefined)
    return touched !== undefined && Date.now() - touched.mtimeMs < leftBehindAfterMs
  }
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    // EPERM: it runs, and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return (await startOf(owner.pid)) === owner.started
}

/** The boot and the clock tick at which a process was started; the same text for all where the system does not say. */
async function startOf(pid: number): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    const status = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name of the program stands in parentheses and may hold spaces; the 20th field after it is the start.
    return `${boot.trim()} ${status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`
  } catch {
    return 'not known'
  }
}

function inUse(path: string, owner: Owner | undefined): UsageError {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : 'another process'
  return new UsageError(
    `The folder of ${path} is in use by ${who}: two monitors would send everything twice.`,
    'Stop the other one, or give this one a folder of its own.',
  )
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  )
}
