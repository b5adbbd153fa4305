import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let place: string

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  place = await mkdtemp(join(tmpdir(), 'elsewhere-'))
})
afterAll(async () => {
  await rm(place, { recursive: true })
  await database.drop()
})

/** A condition of one's own with our `sql`; it fails where the library is there a second time. */
const condition = `[{
  description: 'PostgreSQL answers, and there is one library',
  async check(db) {
    globalThis.holds ??= holds
    if (globalThis.holds !== holds) return fails('one library', 'two')
    const { rows } = await sql\`SELECT 1 AS one\`.execute(db)
    return rows[0].one === 1 ? holds : fails('1', 'something else')
  },
}]`
const optimization = `{ why: 'w', rule: 'r', before: ${condition}, after: [] }`

const typescript = `import { MigrationBuilder, PgType } from 'node-pg-migrate'
import { fails, holds, sql, type Optimization } from 'hundredfold'
declare const globalThis: { holds?: unknown }
export const optimization: Optimization = ${optimization.replace('check(db)', 'check(db: never)').replace('sql`', 'sql<{ one: number }>`')}
export function up(pgm: MigrationBuilder): void { pgm.sql(\`SELECT 1::\${PgType.INT}\`) }
export function down(pgm: MigrationBuilder): void { pgm.sql('SELECT 1') }
`
const module = `import { fails, holds, sql } from 'hundredfold'
import manifest from 'hundredfold/package.json' with { type: 'json' }
if (manifest.name !== 'hundredfold') throw new Error(manifest.name)
export const optimization = ${optimization}
export function up(pgm) { pgm.sql('SELECT 1') }
export function down(pgm) { pgm.sql('SELECT 1') }
`
const commonjs = `const { fails, holds, sql } = require('hundredfold')
if (require('hundredfold/package.json').name !== 'hundredfold') throw new Error('another package')
const up = (pgm) => { pgm.sql('SELECT 1') }
module.exports = { optimization: ${optimization}, up, down: (pgm) => { pgm.sql('SELECT 1') } }
`

/** Applies the files from a folder in which nothing is installed. */
async function apply(folder: string, manifest: object | undefined, texts: Record<string, string>) {
  const directory = join(place, folder, 'migrations')
  await mkdir(directory, { recursive: true })
  if (manifest) await writeFile(join(place, folder, 'package.json'), JSON.stringify(manifest))
  await Promise.all(Object.entries(texts).map(([name, text]) => writeFile(join(directory, name), text)))
  const client = await database.connect()
  await client.query('DROP SCHEMA IF EXISTS hundredfold CASCADE')
  const result = await runCommand(['migrate', 'up', '--json', '-'], {
    directory: join(place, folder),
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expect(result.err).not.toMatch(/Error|warning/i)
  const { ran } = JSON.parse(result.out) as { ran: { name: string; conditions: { holds: boolean }[] }[] }
  expect(ran.map(({ conditions }) => conditions.map(({ holds }) => holds))).toEqual(
    Object.keys(texts).map(() => [true]),
  )
}

describe('migrations in a folder where nothing is installed', () => {
  test.each<[string, object | undefined, string]>([
    ['of ES modules', { type: 'module' }, module],
    ['of CommonJS', { type: 'commonjs' }, commonjs],
    ['without a package', undefined, module],
  ])('%s import hundredfold from files of every kind', async (folder, manifest, javascript) => {
    await apply(folder, manifest, {
      '20260101000000001_a.ts': typescript,
      '20260101000000002_b.mts': typescript,
      '20260101000000003_c.js': javascript,
      '20260101000000004_d.mjs': module,
      '20260101000000005_e.cjs': commonjs,
    })
  })

  test('import it without TypeScript too', async () => {
    await apply(
      'plain',
      { type: 'module' },
      {
        '20260101000000001_a.js': module,
        '20260101000000002_b.mjs': module,
        '20260101000000003_c.cjs': commonjs,
      },
    )
  })
})
