import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seriesOf } from '../../src/history/history.ts'
import { HistoryFile, historyPath, readHistory } from '../../src/history/historyFile.ts'

const disk = (value: number) => [{ id: 'free_disk', unit: 'bytes' as const, labels: {}, value }]
const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1) + minutes * 60_000)

let folder: string
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'history-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

async function values(path: string): Promise<number[]> {
  const history = await readHistory(path, 'app')
  return seriesOf(history ?? { database: 'app', series: [], tiers: [] }, 'free_disk').flatMap(
    ({ points }) => points[0]?.points.map(({ mean }) => mean) ?? [],
  )
}

test('what was added is there after a restart', async () => {
  const path = join(folder, 'deep', 'history.json')
  const first = new HistoryFile(path, 'app')
  await first.open()
  await first.add(disk(1), at(0))
  await first.flush()
  const second = new HistoryFile(path, 'app')
  await second.open()
  await second.add(disk(2), at(10))
  await second.flush()
  expect(await values(path)).toEqual([1, 2])
})

test('two monitors add to one file', async () => {
  const path = join(folder, 'history.json')
  const both = [new HistoryFile(path, 'app'), new HistoryFile(path, 'app')]
  for (const file of both) await file.open()
  for (const [index, file] of both.entries()) {
    await file.add(disk(index), at(10 * index))
    await file.flush()
  }
  expect(await values(path)).toEqual([0, 1])
  expect(await readdir(folder)).toEqual(['history.json'])
})

test('a file that cannot be written keeps the rounds for the next time', async () => {
  const path = join(folder, 'history.json')
  const file = new HistoryFile(path, 'app')
  await file.open()
  await rm(folder, { recursive: true })
  await file.add(disk(7), at(0))
  await expect(file.flush()).rejects.toThrow(/Cannot write .*history\.json/)
  await new HistoryFile(path, 'app').open()
  await file.flush()
  expect(await values(path)).toEqual([7])
})

test("another database's file, and a file that is something else, are refused by name and left alone", async () => {
  const path = join(folder, 'history.json')
  await new HistoryFile(path, 'app').open()
  await expect(new HistoryFile(path, 'other').open()).rejects.toThrow(
    /has the history of the database app, not of other/,
  )
  await writeFile(path, '{"schemaVersion": 1, "tiers": "none"')
  await expect(new HistoryFile(path, 'app').open()).rejects.toThrow(/is not a history of monitor/)
  expect(await readFile(path, 'utf8')).toBe('{"schemaVersion": 1, "tiers": "none"')
})

test('a database of any name has one file in the folder', () => {
  expect(historyPath('../a/b')).toBe(join('.hundredfold', 'history-..%2Fa%2Fb.json'))
})
