import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { callCommand } from '../support/commandLine.ts'
import { createDatabase } from '../support/database.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFile(new URL(path, root), 'utf8')
const readme = await read('README.md')

test('the README fits on three screens', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThan(120)
})

test('its migration is the one that optimize writes', async () => {
  const database = await createDatabase({ from: 'casaora' })
  const directory = await mkdtemp(join(tmpdir(), 'hundredfold-readme-'))
  const which = ['--rules', 'unindexed_foreign_keys', '--table', 'public.availability']
  const { exitCode, err } = await callCommand(['optimize', ...which, '--level', 'info', '--yes'], {
    directory,
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expect(exitCode, err).toBe(0)
  const [file = ''] = await readdir(join(directory, 'migrations'))
  const written = await readFile(join(directory, 'migrations', file), 'utf8')
  expect(readme).toContain(`\`\`\`ts\n${written}\`\`\``)
  expect(readme).toContain(file.slice(17))
  await rm(directory, { recursive: true })
  await database.drop()
})

test('its figures are those of docs/results.md', async () => {
  const results = await read('docs/results.md')
  const [, after, before, ratio] = /takes (.+?) instead of (.+?) \((\d+x)\)/.exec(readme) ?? []
  const row = results.split('\n').find((line) => line.startsWith('| The whole workload of an hour'))
  const cells = row?.split('|').map((cell) => cell.trim())
  expect(cells?.slice(2, 5)).toEqual([before, after, ratio])
})

test('its picture is small', async () => {
  expect((await stat(new URL('docs/report.webp', root))).size).toBeLessThan(150_000)
})

test('every page that a page links to is there', async () => {
  const pages = (await readdir(new URL('docs', root), { recursive: true })).map((path) => `docs/${path}`)
  const broken: string[] = []
  for (const page of ['README.md', 'CONTRIBUTING.md', ...pages.filter((path) => path.endsWith('.md'))]) {
    for (const [, target = ''] of (await read(page)).matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)) {
      const found = await stat(new URL(target, new URL(page, root))).catch(() => undefined)
      if (!found) broken.push(`${page}: ${target}`)
    }
  }
  expect(broken).toEqual([])
})
