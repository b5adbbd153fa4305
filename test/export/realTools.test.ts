import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { runUp } from '../migrate/run.ts'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { engineIsMissing } from '../support/engines.ts'
import { shopSchema, writeShopMigrations } from '../support/exportedShop.ts'
import type { MigrationTool } from '../support/migrationTools.ts'
import { listFiles, makeProject, migrationTools, runnerIn } from '../support/migrationTools.ts'

let work: string
let ours: string
let asBefore: string
let asAfterUp: string
const databases: TestDatabase[] = []

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'export-'))
  ours = await writeShopMigrations(join(work, 'ours'))
  const { client, database } = await makeShop()
  asBefore = await fingerprint(database)
  const { failure } = await runUp(client, ours)
  expect(failure).toBeUndefined()
  asAfterUp = await fingerprint(database)
})
afterAll(async () => {
  for (const database of databases) await database.drop()
  await rm(work, { recursive: true })
})

async function makeShop() {
  const database = await createDatabase()
  databases.push(database)
  const client = await database.connect()
  await client.query(shopSchema)
  return { database, client }
}

async function fingerprint(database: TestDatabase): Promise<string> {
  const client = await database.connect()
  return (await readFingerprint(client)).text
}

/** Without the tables in which the tool keeps what has run. */
function withoutTables(text: string, { forget }: MigrationTool): string {
  const tables = Array.from(forget.matchAll(/public\.(\w+)/g), ([, name]) => name as string)
  return text
    .split(/\n(?! )/)
    .filter((object) => !tables.some((table) => object.includes(table)))
    .join('\n')
}

/** A project of the tool, with what we export for it. */
async function exportFor(format: string, database: TestDatabase, directory: string): Promise<void> {
  const out = await callCommand(
    ['export', '--format', format, '--dir', ours, '--out', defaultOut(format, directory), '--yes'],
    { environment: { DIRECT_URL: database.url } },
  )
  expect(out).toMatchObject({ exitCode: 0 })
}

function defaultOut(format: string, directory: string): string {
  const out: Record<string, string> = {
    supabase: 'supabase/migrations',
    prisma: 'prisma/migrations',
    drizzle: 'drizzle',
    typeorm: 'src/migrations',
    dbmate: 'db/migrations',
    flyway: 'sql',
    sqitch: '.',
    sql: 'sql',
  }
  return join(directory, out[format] ?? 'migrations')
}

async function psql(database: TestDatabase, file: string): Promise<void> {
  await promisify(execFile)('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', database.url, '-f', file], {
    env: { PATH: process.env['PATH'], PGCLIENTENCODING: 'UTF8' },
  })
}

async function scripts(directory: string, matching: RegExp): Promise<string[]> {
  return (await listFiles(directory))
    .filter((path) => matching.test(path))
    .map((path) => join(directory, path))
}

describe.skipIf(engineIsMissing('migrationTools'))('an export run by the real tool', () => {
  test.concurrent.each(migrationTools.map((tool) => [tool.format, tool] as const))(
    'of %s leaves the schema as `migrate up` does, and goes back',
    async (format, tool: MigrationTool) => {
      const { database, client } = await makeShop()
      const directory = await mkdtemp(join(work, `${format}-`))
      await makeProject(directory, tool)
      await exportFor(format, database, directory)
      const run = runnerIn(directory, database.url)
      await tool.up(run, database.url)
      if (tool.down) {
        expect(withoutTables(await fingerprint(database), tool)).toBe(withoutTables(asAfterUp, tool))
        await tool.down(run)
        await client.query(tool.forget)
      } else {
        await client.query(tool.forget)
        expect(await fingerprint(database)).toBe(asAfterUp)
        for (const script of (await scripts(directory, /\.down\.sql$/)).reverse())
          await psql(database, script)
      }
      expect(await fingerprint(database)).toBe(asBefore)
    },
  )
})

describe('an export run by psql', () => {
  test.each([
    ['flyway', /migration\/V.*\.sql$|sql\/V.*\.sql$/, /\.down\.sql$/],
    ['sql', /\.up\.sql$/, /\.down\.sql$/],
  ])('of %s leaves the schema as `migrate up` does, and goes back', async (format, up, down) => {
    const { database } = await makeShop()
    const directory = await mkdtemp(join(work, `${format}-`))
    await exportFor(format, database, directory)
    for (const script of await scripts(directory, up)) await psql(database, script)
    expect(await fingerprint(database)).toBe(asAfterUp)
    for (const script of (await scripts(directory, down)).reverse()) await psql(database, script)
    expect(await fingerprint(database)).toBe(asBefore)
  })

  test('of Sqitch does so in the order of its plan', async () => {
    const { database } = await makeShop()
    const directory = await mkdtemp(join(work, 'sqitch-'))
    await writeFile(join(directory, 'sqitch.plan'), '%syntax-version=1.0.0\n%project=shop\n\n')
    await exportFor('sqitch', database, directory)
    const plan = await readFile(join(directory, 'sqitch.plan'), 'utf8')
    const changes = Array.from(plan.matchAll(/^([a-z][\w-]*) \d{4}-.*$/gm), ([, name]) => name as string)
    expect(changes).toHaveLength(5)
    for (const change of changes) {
      await psql(database, join(directory, 'deploy', `${change}.sql`))
      await psql(database, join(directory, 'verify', `${change}.sql`))
    }
    expect(await fingerprint(database)).toBe(asAfterUp)
    for (const change of changes.reverse()) await psql(database, join(directory, 'revert', `${change}.sql`))
    expect(await fingerprint(database)).toBe(asBefore)
  })
})
