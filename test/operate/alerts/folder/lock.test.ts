import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockFolder } from '../../../../src/operate/alerts/folder/lock.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a second one is refused and told who has it, until the first one is done', async () => {
  const lock = await lockFolder(folder)
  await expect(lockFolder(folder)).rejects.toThrow(
    `is in use by process ${process.pid} on ${hostname()}: two monitors would send everything twice.`,
  )
  await lock.release()
  const next = await lockFolder(folder)
  await next.release()
  expect(await readdir(folder)).toEqual([])
})

test('the lock of a killed process is taken over', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  const { pid } = child
  const own = await lockFolder(folder)
  const content = JSON.parse(await readFile(join(folder, 'lock'), 'utf8')) as Record<string, unknown>
  await own.release()
  await writeFile(join(folder, 'lock'), JSON.stringify({ ...content, token: 'other', pid }))
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  const lock = await lockFolder(folder)
  await lock.release()
})

test('a process that has the number of a dead one by chance does not keep its lock', async () => {
  const own = await lockFolder(folder)
  const content = JSON.parse(await readFile(join(folder, 'lock'), 'utf8')) as Record<string, unknown>
  await own.release()
  await writeFile(
    join(folder, 'lock'),
    JSON.stringify({ ...content, token: 'other', started: 'another boot 17' }),
  )
  const lock = await lockFolder(folder)
  await lock.release()
})

test('on another machine a lock counts as left behind once nobody has touched it for a minute', async () => {
  const content = { token: 'other', pid: 1, host: 'elsewhere', started: 'x' }
  await writeFile(join(folder, 'lock'), JSON.stringify(content))
  await expect(lockFolder(folder)).rejects.toThrow('is in use by process 1 on elsewhere')
  const old = new Date(Date.now() - 61_000)
  await utimes(join(folder, 'lock'), old, old)
  const lock = await lockFolder(folder)
  await lock.release()
})

test('of many that find a lock left behind, one gets it', async () => {
  for (let round = 0; round < 20; round += 1) {
    const content = { token: `dead ${round}`, pid: 2 ** 22 + 1, host: hostname(), started: 'x' }
    await writeFile(join(folder, 'lock'), JSON.stringify(content))
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)))
    const locks = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const confirmed = await Promise.allSettled(locks.map((lock) => lock.confirm()))
    expect(confirmed.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const lock of locks) await lock.release()
  }
})

test('who lost the folder is told, and does not remove the lock of the other', async () => {
  const lock = await lockFolder(folder)
  await rm(join(folder, 'lock'))
  const other = await lockFolder(folder)
  await expect(lock.confirm()).rejects.toThrow(/was taken away: another monitor uses this folder/)
  await lock.release()
  await other.confirm()
  await other.release()
})
