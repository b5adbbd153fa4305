import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { folderName, freeFolder, writeFolder } from '../../../src/report/diagnosis/folder.ts'
import { mountSmallDisk } from '../../support/smallDisk.ts'

const place = mkdtempSync(join(tmpdir(), 'folder-'))
afterAll(() => rmSync(place, { recursive: true }))

const disk = mountSmallDisk()
afterAll(() => disk?.unmount())

test('it is named after the moment, in UTC', () => {
  expect(folderName(new Date('2026-11-24T15:30:09.123Z'))).toBe('diagnostics-20261124-153009')
})

test('of two reports in one second, the other one has the name of the next second', async () => {
  const takenAt = '2026-11-24T15:30:59.500Z'
  const first = await freeFolder(place, takenAt)
  expect(first).toBe(join(place, 'diagnostics-20261124-153059'))
  await writeFolder(first, { 'a.txt': 'a' })
  expect(await freeFolder(place, takenAt)).toBe(join(place, 'diagnostics-20261124-153100'))
})

test('it is never written over', async () => {
  const target = join(place, 'taken')
  await writeFolder(target, { 'a.txt': 'first' })
  await expect(writeFolder(target, { 'a.txt': 'second' })).rejects.toThrow('exists already')
  expect(readFileSync(join(target, 'a.txt'), 'utf8')).toBe('first')
})

test('a file that cannot be written leaves no folder', async () => {
  const written = writeFolder(join(place, 'half'), { 'a.txt': 'a', 'no/such/folder.txt': 'b' })
  await expect(written).rejects.toMatchObject({ exitCode: 5 })
  expect(readdirSync(place)).not.toContain('half')
  expect(readdirSync(place).filter((name) => name.startsWith('.'))).toEqual([])
})

test.skipIf(!disk)('a full disk leaves nothing behind, and the error says what to do', async () => {
  const written = writeFolder(join(disk?.directory ?? '', 'report'), {
    'a.txt': 'a',
    'b.txt': 'x'.repeat(200_000),
  })
  await expect(written).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining('the disk is full') as string,
    next: expect.stringContaining('--out') as string,
  })
  expect(readdirSync(disk?.directory ?? '')).toEqual([])
})

test.runIf(process.platform === 'linux')(
  'a place where nothing can be made is refused, and not waited for',
  async () => {
    await expect(writeFolder('/proc/nowhere/diagnostics', { 'a.txt': 'first' })).rejects.toThrow(
      /Cannot write the report into \/proc: /,
    )
  },
)
