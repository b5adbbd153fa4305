import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { casaoraOwner } from '../../src/bench/casaora/load.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { optimize } from '../../src/optimize/optimize.ts'
import { writeMigrations } from '../../src/optimize/writeMigrations.ts'
import { expectNoFailure } from '../../src/rules/find.ts'
import { rules as allRules } from '../../src/rules/index.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { EffectCells } from '../support/effectsOnAll.ts'
import { differentCells, effectsOnAll, rowsOfAll } from '../support/effectsOnAll.ts'
import type { Filled } from '../support/fillSchema.ts'
import { fillSchema } from '../support/fillSchema.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { people, sixIdentities } from '../support/sixIdentities.ts'
import { readSpokenValues } from '../support/spokenValues.ts'

const hundredfold = new URL('../../src/index.ts', import.meta.url).href

/** All but the one whose cure sets something for roles, which belong to the whole server and to other tests too. */
const rules = allRules.filter(({ name }) => name !== 'missing_statement_timeout')

const shapes = ['accounts', 'teams', 'chat', 'shop', 'files']

/** One database of a shape, before and after its policies were rewritten. */
interface Outcome {
  filled?: Filled
  files: string[]
  stop?: string
  before: EffectCells
  after: EffectCells
  schema: { before: string; afterDown: string }
}

describe.each(shapes)('a schema like %s', (shape) => {
  const databases: TestDatabase[] = []
  const directories: MigrationDirectory[] = []
  const outcomes = {} as Record<'filled' | 'empty', Outcome>

  beforeAll(async () => {
    const filled = await createShape(shape)
    const empty = await createShape(shape)
    databases.push(filled, empty)
    const rows = await filled.connect().then((client) => fillSchema(client, { people: [...people] }))
    const offered = await rowsOfAll(await filled.connect())
    const [withRows, withoutRows] = await Promise.all([
      rewriteAndBack(filled, new Map(), directories),
      rewriteAndBack(empty, offered, directories),
    ])
    outcomes.filled = { ...withRows, filled: rows }
    outcomes.empty = withoutRows
  }, 300_000)
  afterAll(async () => {
    for (const directory of directories) await directory[Symbol.asyncDispose]()
    for (const database of databases) await database.drop()
  })

  it('has rows, and users can read and change some of them', () => {
    const { filled, before } = outcomes.filled
    expect([...(filled?.skipped ?? [])]).toEqual([])
    const seen = [...before].filter(
      ([cell, effect]) => /(user|administrator), select$/.test(cell) && effect !== '',
    )
    expect(seen.length).toBeGreaterThan(5)
  })

  describe.each(['filled', 'empty'] as const)('%s', (state) => {
    it('is rewritten by migrations that are not refused', () => {
      expect(outcomes[state].files).not.toEqual([])
      expect(outcomes[state].stop).toBeUndefined()
    })

    it('lets six kinds of caller see and change the same rows', () => {
      const { before, after } = outcomes[state]
      const wrong = differentCells(before, after).filter(
        ({ cell, kind }) =>
          kind !== 'refused' && !(kind === 'error for nothing' && cell.includes(', malformed, ')),
      )
      expect(wrong).toEqual([])
    })

    it('is as before once it is taken back', () => {
      expect(outcomes[state].schema.afterDown).toBe(outcomes[state].schema.before)
    })
  })
})

async function createShape(shape: string): Promise<TestDatabase> {
  const database = await createDatabase()
  const superuser = await database.connect()
  await superuser.query(`SET shapes.owner = '${casaoraOwner}'`)
  await superuser.query(await textOf('platform'))
  await superuser.query(`SET SESSION AUTHORIZATION ${casaoraOwner}`)
  await superuser.query(await textOf(shape))
  await superuser.query('RESET SESSION AUTHORIZATION')
  return database
}

function textOf(name: string): Promise<string> {
  return readFile(new URL(`shapes/${name}.sql`, import.meta.url), 'utf8')
}

/** Optimizes as the owner, who is no superuser, and takes everything back. */
async function rewriteAndBack(
  database: TestDatabase,
  offered: ReadonlyMap<string, string[]>,
  directories: MigrationDirectory[],
): Promise<Outcome> {
  const superuser = await database.connect()
  const owner = await database.connect(database.ownerUrl)
  const identities = sixIdentities(await readSpokenValues(superuser))
  // Where there are no rows, sets of keys are looked up in indexes, before the first row is judged.
  const settings: Record<string, string> = offered.size > 0 ? { enable_seqscan: 'off' } : {}
  const callers = Object.fromEntries(
    Object.entries(identities).map(([label, identity]) => [
      label,
      { ...identity, settings: { ...identity.settings, ...settings } },
    ]),
  )
  const look = async () => {
    // What was updated and rolled back is dead weight, by which plans would be judged.
    await superuser.query('VACUUM ANALYZE')
    return effectsOnAll(() => database.connect(), callers, offered)
  }
  const before = await look()
  const schema = (await readFingerprint(superuser)).text
  const directory = await migrationDirectory()
  directories.push(directory)
  const files = await writeFiles(owner, directory.path)
  const { failure } = await runUp(owner, directory.path)
  const after = await look()
  await runDown(owner, directory.path)
  return {
    files,
    ...(failure ? { stop: failure.message } : {}),
    before,
    after,
    schema: { before: schema, afterDown: (await readFingerprint(superuser)).text },
  }
}

/** What the command `optimize` does, without a process of its own. */
async function writeFiles(client: Client, directory: string): Promise<string[]> {
  const { found, groups } = await optimize(client, { rules, level: 'info', directory })
  expectNoFailure(found)
  await writeMigrations(directory, groups)
  const files = await readdir(directory)
  for (const path of files.map((file) => join(directory, file))) {
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll(`'hundredfold'`, `'${hundredfold}'`))
  }
  return files
}
