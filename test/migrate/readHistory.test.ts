import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { prove } from '../../src/migrate/prove.ts'
import { status } from '../../src/migrate/status.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { runDown, runUp } from './run.ts'

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
})
beforeEach(async () => {
  client = await database.connect()
  await client.query('DROP SCHEMA IF EXISTS hundredfold CASCADE')
  return () => client.end()
})
afterAll(() => database.drop())

const nothing = sqlMigration({ up: ['SELECT 1'], down: ['SELECT 1'] })

/** `migrations` with `first` and `third`, and in its folder `series` what comes `second`. */
async function twoFolders(): Promise<MigrationDirectory & { series: string }> {
  const files = await migrationDirectory({
    '20260101000000000_first.ts': nothing,
    '20260103000000000_third.ts': nothing,
  })
  const series = join(files.path, 'series')
  await mkdir(series)
  await writeFile(join(series, '20260102000000000_second.ts'), nothing)
  return Object.assign(files, { series })
}

async function states(directory: string): Promise<string[]> {
  const statuses = await status(await loadMigrations(directory), client)
  return statuses.map(
    ({ name, state, outOfOrder }) => `${name.slice(18)} ${state}${outOfOrder ? ' late' : ''}`,
  )
}

test('a folder inside a directory of migrations is no part of it', async () => {
  await using files = await twoFolders()
  expect((await runUp(client, files.path)).ran.map(({ name }) => name.slice(18))).toEqual(['first', 'third'])
})

test('a folder runs by itself, before or after the directory around it', async () => {
  await using files = await twoFolders()
  await runUp(client, files.path)
  expect(await states(files.series)).toEqual(['second pending'])
  await runUp(client, files.series)
  expect(await states(files.series)).toEqual(['second applied'])
  expect(await states(files.path)).toEqual(['first applied', 'third applied'])
  expect((await runUp(client, files.path)).ran).toEqual([])
  await files.write('20260104000000000_fourth.ts', nothing)
  expect((await runUp(client, files.path)).ran.map(({ name }) => name.slice(18))).toEqual(['fourth'])
})

test('two folders beside each other know each other', async () => {
  await using files = await twoFolders()
  const other = join(files.path, 'other')
  await mkdir(other)
  await writeFile(join(other, '20260105000000000_fifth.ts'), nothing)
  await runUp(client, files.series)
  await runUp(client, other)
  expect(await states(files.series)).toEqual(['second applied'])
  expect(await states(other)).toEqual(['fifth applied'])
})

test('what was applied later in another folder goes back first', async () => {
  await using files = await twoFolders()
  await runUp(client, files.path)
  await runUp(client, files.series)
  const refusal = {
    exitCode: 5,
    message: expect.stringMatching(
      /_third cannot be taken back yet: migrations of .*series were applied after it: 20260102000000000_second/,
    ) as string,
    next: expect.stringMatching(/`migrate down 1 --dir .*series`/) as string,
  }
  await expect(runDown(client, files.path, { count: 1 })).rejects.toMatchObject(refusal)
  await expect(prove(await loadMigrations(files.path), client)).rejects.toMatchObject({ exitCode: 5 })
  expect((await runDown(client, files.series)).ran.map(({ name }) => name.slice(18))).toEqual(['second'])
  expect((await runDown(client, files.path)).ran.map(({ name }) => name.slice(18))).toEqual([
    'third',
    'first',
  ])
})

test('a folder whose surroundings are no migrations knows only what is in it', async () => {
  await using files = await twoFolders()
  await runUp(client, files.series)
  await files.remove('20260101000000000_first.ts')
  await files.remove('20260103000000000_third.ts')
  const other = join(files.path, 'other')
  await mkdir(other)
  await writeFile(join(other, '20260105000000000_fifth.ts'), nothing)
  expect(await states(other)).toEqual(['second missing', 'fifth pending'])
  await expect(runUp(client, other)).rejects.toMatchObject({ exitCode: 4 })
})
