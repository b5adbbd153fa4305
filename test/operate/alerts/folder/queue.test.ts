import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Queue } from '../../../../src/operate/alerts/folder/queue.ts'
import { openQueue } from '../../../../src/operate/alerts/folder/queue.ts'
import { mountSmallDisk } from '../../../support/smallDisk.ts'
import { notificationFor } from '../notifications.ts'

let folder: string
let problems: string[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'queue-'))
  problems = []
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((queue) => queue.close()))
  await rm(folder, { recursive: true, force: true })
})

const opened: Queue[] = []
async function open(most = 100, receivers = ['slack', 'posthog'], at = folder): Promise<Queue> {
  const queue = await openQueue(at, { most, receivers, onProblem: (line) => problems.push(line) })
  opened.push(queue)
  return queue
}
const outgoing = (sequence: number, series = `s${sequence}`, receivers = ['slack', 'posthog']) => ({
  notification: notificationFor(sequence, { series }),
  receivers,
})
const waiting = (queue: Queue, receiver: string) =>
  queue.waitingFor(receiver, 1_000).map(({ sequence }) => sequence)
const uuid = (sequence: number) => notificationFor(sequence).uuid

test('what was queued is there after a restart, for those who do not have it', async () => {
  const first = await open()
  await first.add([outgoing(1), outgoing(2)])
  await first.delivered('slack', [uuid(1)])
  await first.close()
  const second = await open()
  expect(waiting(second, 'slack')).toEqual([2])
  expect(waiting(second, 'posthog')).toEqual([1, 2])
  expect(second.waitingFor('posthog', 1)).toEqual([notificationFor(1, { series: 's1' })])
  await second.close()
  expect(problems).toEqual([])
})

test('wherever a write is cut off, every line that was confirmed is there, and the next write is whole', async () => {
  const first = await open()
  await first.add([outgoing(1)])
  const confirmed = (await stat(join(folder, 'queue.jsonl'))).size
  await first.add([outgoing(2)])
  await first.close()
  const whole = await readFile(join(folder, 'queue.jsonl'))
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: confirmed, max: whole.length }),
      fc.boolean(),
      async (end, hasZeros) => {
        const zeros = Buffer.alloc(hasZeros && end < whole.length ? 512 : 0)
        await writeFile(join(folder, 'queue.jsonl'), Buffer.concat([whole.subarray(0, end), zeros]))
        const torn = await open()
        const expected = end === whole.length ? [1, 2] : [1]
        expect(waiting(torn, 'slack')).toEqual(expected)
        await torn.add([outgoing(3)])
        await torn.close()
        const next = await open()
        expect(waiting(next, 'slack')).toEqual([...expected, 3])
        await next.close()
      },
    ),
    { numRuns: 100 },
  )
  expect(problems).toEqual([])
})

test('a line that something else has broken is told with its number, and the others stay', async () => {
  const first = await open()
  await first.add([outgoing(1)])
  await first.close()
  await appendFile(join(folder, 'queue.jsonl'), 'nonsense\n')
  const second = await open()
  await second.add([outgoing(2)])
  await second.close()
  expect(problems).toEqual([expect.stringMatching(/queue\.jsonl, line 2, cannot be read/)])
  expect(waiting(await open(), 'slack')).toEqual([1, 2])
})

test('a full queue gives up what a newer word of the same series replaces, and says so', async () => {
  const queue = await open(3)
  await queue.add([outgoing(1, 'a'), outgoing(2, 'b'), outgoing(3, 'a')])
  expect(await queue.add([outgoing(4, 'c')])).toBe(true)
  expect(waiting(queue, 'slack')).toEqual([2, 3, 4])
  expect(problems).toEqual([expect.stringMatching(/the queue is full: 2 notifications .* are dropped/)])
  await queue.close()
  expect(waiting(await open(3), 'posthog')).toEqual([2, 3, 4])
})

test('a full queue of different series takes no more', async () => {
  const queue = await open(2)
  await queue.add([outgoing(1), outgoing(2)])
  expect(await queue.add([outgoing(3)])).toBe(false)
  expect(waiting(queue, 'slack')).toEqual([1, 2])
  await queue.delivered('slack', [uuid(1)])
  await queue.delivered('posthog', [uuid(1)])
  expect(await queue.add([outgoing(3)])).toBe(true)
  await queue.close()
})

test('what a receiver refused waits for the next start', async () => {
  const queue = await open()
  await queue.add([outgoing(1), outgoing(2)])
  queue.setAside('slack', [uuid(1)])
  expect(waiting(queue, 'slack')).toEqual([2])
  expect(queue.count('slack')).toEqual({ waiting: 1, aside: 1 })
  await queue.close()
  expect(waiting(await open(), 'slack')).toEqual([1, 2])
})

test('what waits for a receiver that the file does not name any more is dropped, and told', async () => {
  const queue = await open()
  await queue.add([outgoing(1)])
  await queue.close()
  const next = await open(100, ['posthog'])
  expect(problems).toEqual([expect.stringMatching(/^1 notifications for slack are dropped/)])
  expect(waiting(next, 'posthog')).toEqual([1])
  await next.close()
})

test('the file stays small however many notifications pass through it', async () => {
  const queue = await open()
  const sizes: number[] = []
  for (let sequence = 1; sequence <= 1_500; sequence += 1) {
    await queue.add([outgoing(sequence, 'a', ['slack'])])
    await queue.delivered('slack', [uuid(sequence)])
    await queue.tidy()
    if (sequence % 250 === 0) sizes.push((await stat(join(folder, 'queue.jsonl'))).size)
  }
  await queue.close()
  // A thousand lines, half of them notifications.
  expect(Math.max(...sizes)).toBeLessThan(400_000)
})

const disk = mountSmallDisk('64k')
test.skipIf(!disk)('a full disk takes nothing, and loses nothing that was there', async () => {
  if (!disk) return
  try {
    const queue = await open(10_000, ['slack'], disk.directory)
    let kept = 0
    await expect(async () => {
      for (; kept < 1_000; kept += 1) await queue.add([outgoing(kept + 1, 'a', ['slack'])])
    }).rejects.toThrow(/queue\.jsonl: the disk is full/)
    expect(kept).toBeGreaterThan(50)
    await queue.close()
    const next = await open(10_000, ['slack'], disk.directory)
    expect(next.count('slack').waiting).toBe(kept)
    await next.close()
  } finally {
    disk.unmount()
  }
})
