import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createIndex } from '../src/operations/createIndex.ts'
import { writeMigrations } from '../src/optimize/writeMigrations.ts'
import { writeWholeFile } from '../src/wholeFile.ts'
import { mountSmallDisk } from './support/smallDisk.ts'

const place = mkdtempSync(join(tmpdir(), 'whole-file-'))
afterAll(() => rmSync(place, { recursive: true }))

const disk = mountSmallDisk()
afterAll(() => disk?.unmount())

const tooMuch = 'x'.repeat(200_000)

test.skipIf(!disk)('a full disk leaves the older file as it was, and names the file', async () => {
  const file = join(disk?.directory ?? '', 'report.json')
  writeFileSync(file, 'older')
  await expect(writeWholeFile(file, tooMuch)).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining(`Cannot write ${file}: the disk is full`) as string,
    next: expect.stringContaining('Make room') as string,
  })
  expect(readFileSync(file, 'utf8')).toBe('older')
  expect(readdirSync(disk?.directory ?? '')).toEqual(['report.json'])
})

test.skipIf(!disk)('a full disk leaves no half-written migration', async () => {
  const directory = disk?.directory ?? ''
  const operation = createIndex({
    table: { schema: 'public', name: 'bookings' },
    on: ['customer_id'],
    takenNames: new Set(),
    rule: 'missing_index',
    why: tooMuch,
  })
  await expect(
    writeMigrations(join(directory, 'new'), [{ operation, operations: [operation] }]),
  ).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(
      /Cannot write .*\.ts: the disk is full.*No migration was written/,
    ) as string,
  })
  expect(readdirSync(join(directory, 'new'))).toEqual([])
})

test.runIf(process.platform === 'linux')('a device is written to, and not replaced by a file', async () => {
  await expect(writeWholeFile('/dev/full', 'text')).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining('/dev/full: the disk is full') as string,
  })
  await writeWholeFile('/dev/null', 'text')
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
})

test('a link stays a link, and the file behind it keeps its permissions', async () => {
  const file = join(place, 'behind.json')
  writeFileSync(file, 'older')
  chmodSync(file, 0o640)
  symlinkSync(file, join(place, 'link.json'))
  await writeWholeFile(join(place, 'link.json'), 'newer')
  expect(readFileSync(file, 'utf8')).toBe('newer')
  expect(statSync(file).mode & 0o777).toBe(0o640)
  expect(readdirSync(place).sort()).toEqual(['behind.json', 'link.json'])
})

test('a directory that is not there is the fault of the caller', async () => {
  await expect(writeWholeFile(join(place, 'nowhere/report.json'), '')).rejects.toMatchObject({
    exitCode: 5,
    message: `Cannot write ${join(place, 'nowhere/report.json')}: ENOENT: no such file or directory.`,
  })
})

test('a file that is there is not written over where it must be new', async () => {
  const file = join(place, 'taken.ts')
  writeFileSync(file, 'older')
  await expect(writeWholeFile(file, 'newer', { exclusive: true })).rejects.toThrow('it is there already')
  expect(readFileSync(file, 'utf8')).toBe('older')
})
