import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ReportSection } from '../../src/diagnose/report.ts'
import { readHistory } from '../../src/history/historyFile.ts'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

let directory: string
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'history-'))))
afterEach(() => rm(directory, { recursive: true, force: true }))

const call = (args: string[], signal?: AbortSignal) =>
  callCommand(args, { directory, environment: { DIRECT_URL: database.url }, ...(signal ? { signal } : {}) })

/** Rounds of a second, ended by Ctrl-C as soon as something was printed. */
async function watchForAWhile(...args: string[]) {
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 2_500)
  return call(['monitor', '--every', '1s', ...args], stop.signal)
}

test('rounds leave a history, which the next report shows', async () => {
  expect((await watchForAWhile()).exitCode).toBe(0)
  const [file = ''] = await readdir(join(directory, '.hundredfold'))
  expect(file).toBe(`history-${database.name}.json`)
  expect(await readHistory(join(directory, '.hundredfold', file), database.name)).toMatchObject({
    series: expect.arrayContaining([expect.objectContaining({ id: 'connection_usage' })]) as unknown,
  })
  const { out } = await call(['diagnose', '--json', '-'])
  const { sections } = JSON.parse(out) as { sections: ReportSection[] }
  const blocks = sections.find(({ id }) => id === 'history')?.blocks ?? []
  expect(blocks[0]).toMatchObject({
    kind: 'forecasts',
    forecasts: expect.arrayContaining([
      expect.objectContaining({ happens: 'new connections are refused', outcome: { kind: 'too-short' } }),
    ]) as unknown,
  })
})

test('--no-history and a single round leave none; a single round adds to a file that is named', async () => {
  await watchForAWhile('--no-history')
  await call(['monitor'])
  expect(await readdir(directory)).toEqual([])
  for (let round = 0; round < 2; round += 1) {
    const { exitCode, out } = await call(['monitor', '--history', 'kept.json'])
    expect(exitCode).toBe(0)
    expect(out).toContain('connection_usage')
  }
  expect(await readHistory(join(directory, 'kept.json'), database.name)).toBeDefined()
})

test('where the usual place cannot be used, rounds go on without a history and the report without a trend', async () => {
  await mkdir(join(directory, '.hundredfold'))
  const path = join(directory, '.hundredfold', `history-${database.name}.json`)
  await writeFile(path, 'something else')
  const watched = await watchForAWhile()
  expect(watched.exitCode).toBe(0)
  expect(watched.err).toMatch(/No history is kept: .*is not a history of monitor/)
  const report = await call(['diagnose'])
  expect(report.exitCode).toBe(0)
  expect(report.err).toMatch(/No trend: .*is not a history of monitor/)
  expect(await readFile(path, 'utf8')).toBe('something else')
})

test('a file that was named and belongs to another database is refused before the first round', async () => {
  await writeFile(
    join(directory, 'other.json'),
    JSON.stringify({
      schemaVersion: 1,
      database: 'other',
      series: [],
      tiers: [300, 3_600, 86_400].map((seconds) => ({ seconds, buckets: [] })),
    }),
  )
  const { exitCode, err } = await call(['monitor', '--history', 'other.json'])
  expect(exitCode).toBe(5)
  expect(err).toMatch(/has the history of the database other/)
})
