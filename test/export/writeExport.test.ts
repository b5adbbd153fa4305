import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeExport } from '../../src/export/writeExport.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'write-'))
  await writeFile(join(directory, 'plan'), 'older')
})
afterEach(() => rm(directory, { recursive: true }))

const at = (name: string) => join(directory, name)

/** Files of which the last is not written any more. */
function filesThen(last: { path: string; text: string }) {
  return [
    { path: at('deploy/a.sql'), text: 'a' },
    { path: at('plan'), text: 'newer', replaces: true as const },
    last,
  ]
}

async function expectAsBefore(): Promise<void> {
  expect((await readdir(directory)).filter((name) => name !== 'there')).toEqual(['plan'])
  expect(await readFile(at('plan'), 'utf8')).toBe('older')
}

test('a stop between two files takes away what was written, and puts back what was replaced', async () => {
  const stop = new AbortController()
  const last = {
    path: at('b.sql'),
    get text() {
      stop.abort()
      return 'b'
    },
  }
  await expect(writeExport(filesThen(last), stop.signal)).rejects.toThrow('aborted')
  await expectAsBefore()
})

test('a file that cannot be written does the same, and is named', async () => {
  await mkdir(at('there'))
  await writeFile(at('there/file'), '')
  const writing = writeExport(filesThen({ path: at('there/file/b.sql'), text: 'b' }))
  await expect(writing).rejects.toThrow(/Cannot write .*there\/file.* No file was written/)
  await expectAsBefore()
})

test('what cannot be read is not replaced, since it could not be put back', async () => {
  await rm(at('plan'))
  await mkdir(at('plan'))
  const writing = writeExport(filesThen({ path: at('b.sql'), text: 'b' }))
  await expect(writing).rejects.toThrow(/Cannot write .*plan: EISDIR.* No file was written/)
  expect(await readdir(directory)).toEqual(['plan'])
})
