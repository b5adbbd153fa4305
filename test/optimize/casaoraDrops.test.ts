import { readdir } from 'node:fs/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { casaoraMigrations, readCasaoraWorkload } from '../../src/bench/casaora/database.ts'
import type { Operation } from '../../src/operations/operation.ts'
import type { Optimized } from '../../src/optimize/optimize.ts'
import { optimize } from '../../src/optimize/optimize.ts'
import { expectReversible } from '../rules/look.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'

let database: TestDatabase
let owner: Client
let optimized: Optimized
let drops: Operation[]

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  owner = await database.connect(database.ownerUrl)
  await using directory = await migrationDirectory()
  optimized = await optimize(owner, {
    level: 'warn',
    directory: directory.path,
    workload: { statements: await readCasaoraWorkload(), complete: true },
  })
  drops = optimized.choice.operations.filter(({ kind }) => kind === 'dropIndex')
}, 300_000)

afterAll(async () => {
  await owner.end()
  await database.drop()
})

test('the useless indexes go, and beside them only those that advised ones replace', async () => {
  const byHand = (await readdir(casaoraMigrations)).flatMap((file) => /_(drop-.*)\.ts$/.exec(file)?.[1] ?? [])
  const titles = drops.map(({ title }) => title)
  expect(byHand).toHaveLength(22)
  expect(byHand.filter((title) => !titles.includes(title))).toEqual([])
  const others = titles.filter((title) => !byHand.includes(title))
  // One statement reads it today, and reads an advised index then.
  expect(others.filter((title) => title !== 'drop-messages-created-at-idx')).toEqual([])
})

test('they go, come back exactly, and go again', { timeout: 300_000 }, async () => {
  const builds = drops.flatMap(({ requires = [] }) => requires)
  await expectReversible(owner, ...new Set([...builds, ...drops]))
})
