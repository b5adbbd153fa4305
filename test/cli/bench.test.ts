import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { chooseBenches } from '../../src/bench/bench.ts'
import { benches } from '../../src/cli/bench.ts'
import { callCommand, runCommand } from '../support/commandLine.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hundredfold-test-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** A run that is kept beneath .bench/. */
async function keep(size: string, after: number, met = true): Promise<string> {
  const folder = join('.bench', `20261124-150000-${size}`)
  await mkdir(join(directory, folder), { recursive: true })
  const row = {
    id: 'overall',
    title: 'All',
    claim: '10-100x',
    before: 100,
    after,
    ratio: 100 / after,
    unit: 'ms',
    met,
  }
  const measuredOn = { postgresql: '18.4', node: '20.20.2', cores: 2, memoryGb: 8, platform: 'linux x64' }
  const run = {
    schemaVersion: 1,
    command: 'bench',
    takenAt: '2026-11-24T15:00:00.000Z',
    size,
    measuredOn,
    rows: [row],
  }
  await writeFile(join(directory, folder, 'bench.json'), JSON.stringify(run))
  return join(folder, 'bench.json')
}

test('an unknown row is refused with the names of all', async () => {
  const { exitCode, err } = await runCommand(['bench', '--only', 'speed'], { directory })
  expect(exitCode).toBe(5)
  expect(err).toContain('There is no bench or row called speed.')
  for (const id of ['claims', 'writes_wal', 'pooling', 'deploy_reader', 'runner']) expect(err).toContain(id)
})

test('the id of a bench means that bench alone, and other ids the benches with such rows', () => {
  const chosen = (...only: string[]) =>
    chooseBenches(benches, only).map(({ bench, only }) => [bench.id, ...(only ?? [])])
  expect(chosen('rls')).toEqual([['rls', 'rls']])
  expect(chosen('writes', 'rls')).toEqual([
    ['claims', 'writes'],
    ['rls', 'rls'],
  ])
  expect(chosen('claims')).toEqual([['claims', 'claims']])
  expect(chosen('single_query')).toEqual([['claims', 'single_query']])
  expect(chooseBenches(benches, undefined).map(({ bench }) => bench)).toEqual(benches)
})

test('the results of two sizes are written with how the cost grows', async () => {
  await keep('small', 0.5)
  const file = await keep('medium', 0.6)
  const { exitCode } = await callCommand(['bench', '--from', file, '--results', 'docs/results.md'], {
    directory,
  })
  expect(exitCode).toBe(0)
  const results = await readFile(join(directory, 'docs', 'results.md'), 'utf8')
  expect(results).toContain('## Small')
  expect(results).toContain('## Medium')
  expect(results).toContain('## From small to medium')
})

test('a row that is not met ends with 2', async () => {
  const file = await keep('small', 50, false)
  expect((await callCommand(['bench', '--from', file], { directory })).exitCode).toBe(2)
})

test('a file that is no result is refused', async () => {
  await writeFile(join(directory, 'other.json'), '{"command": "diagnose"}')
  const { exitCode, err } = await callCommand(['bench', '--from', 'other.json'], { directory })
  expect(exitCode).toBe(5)
  expect(err).toContain('other.json is no result of a bench')
})
