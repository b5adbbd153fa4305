import fc from 'fast-check'
import { MigrationBuilder } from 'node-pg-migrate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { indexIsAbsent } from '../../src/conditions/indexes.ts'
import { policyIs } from '../../src/conditions/policies.ts'
import { alterPolicies } from '../../src/operations/alterPolicies.ts'
import { createIndex } from '../../src/operations/createIndex.ts'
import { enableRowSecurity } from '../../src/operations/enableRowSecurity.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { condition } from '../../src/operations/operation.ts'
import { migrationFile } from '../../src/optimize/migrationFile.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import type { Migration } from '../../src/migrate/migration.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'

const index = { schema: 'public', name: 'a_b_idx' }

const operation: Operation = {
  kind: 'createIndex',
  ids: ['createIndex-54c1c6ed0b1b9c88'],
  on: ['public', 'a'],
  title: 'create-a-b-idx',
  rule: 'missing_index',
  why: 'Somebody looks up "b", and nobody\'s index serves it.',
  up: ['CREATE INDEX CONCURRENTLY a_b_idx ON public.a USING btree (b)'],
  down: ['DROP INDEX CONCURRENTLY public.a_b_idx'],
  before: [condition(indexIsAbsent, index)],
  after: [],
  noTransaction: 'CREATE INDEX CONCURRENTLY cannot run inside one.',
}

let files: MigrationDirectory
let written = 0

beforeAll(async () => {
  files = await migrationDirectory()
})

afterAll(() => files[Symbol.asyncDispose]())

/** Writes the operation's file and loads it as the runner does. */
async function load(one: Operation): Promise<Migration> {
  written += 1
  const name = `${String(written).padStart(17, '0')}_${one.title}`
  await files.write(`${name}.ts`, migrationFile(one))
  const loaded = (await loadMigrations(files.path)).find((migration) => migration.name === name)
  await files.remove(`${name}.ts`)
  if (!loaded) throw new Error('the file was not found again')
  return loaded
}

async function statementsOf(migration: Migration, direction: 'up' | 'down'): Promise<string[]> {
  const pgm = new MigrationBuilder({} as never, undefined, false, console)
  await migration[direction](pgm)
  return pgm.getSqlSteps()
}

describe('the file of an operation', () => {
  test('reads like one that a person wrote', () => {
    expect(migrationFile(operation)).toBe(
      [
        `import type { MigrationBuilder } from 'node-pg-migrate'`,
        `import { indexIsAbsent, type Optimization } from 'hundredfold'`,
        ``,
        `export const optimization: Optimization = {`,
        `  why: 'Somebody looks up "b", and nobody\\'s index serves it.',`,
        `  rule: 'missing_index',`,
        `  operations: ['createIndex-54c1c6ed0b1b9c88'],`,
        `  before: [`,
        `    indexIsAbsent({ schema: 'public', name: 'a_b_idx' }),`,
        `  ],`,
        `  after: [],`,
        `}`,
        ``,
        `export function up(pgm: MigrationBuilder): void {`,
        `  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.`,
        '  pgm.sql(`CREATE INDEX CONCURRENTLY a_b_idx ON public.a USING btree (b)`)',
        `}`,
        ``,
        `export function down(pgm: MigrationBuilder): void {`,
        `  pgm.noTransaction()`,
        '  pgm.sql(`DROP INDEX CONCURRENTLY public.a_b_idx`)',
        `}`,
        ``,
      ].join('\n'),
    )
  })

  test('names what several conditions are about, and leaves no white space at the ends of lines', () => {
    const table = { schema: 'public', name: 'notes' }
    const long = `(${Array.from({ length: 20 }, (_, number) => `owner_${number} = 1`).join(' OR ')})`
    const text = migrationFile({
      ...operation,
      why: 'Every policy of the table asks for every row. '.repeat(5).trim(),
      before: [condition(policyIs, table, 'own', { using: long, check: null })],
      after: [condition(policyIs, table, 'own', { using: 'true', check: null })],
    })
    expect(text).toContain(`const table = { schema: 'public', name: 'notes' }\n`)
    expect(text).toContain(`policyIs(table, 'own', { using: 'true', check: null })`)
    expect(text).not.toMatch(/[ \t]$/m)
  })

  test('starts a new line for each of several reasons', () => {
    const text = migrationFile({ ...operation, why: '- One.\n- Another.' })
    expect(text).toContain([`  why:`, `    '- One.\\n' +`, `    '- Another.',`].join('\n'))
  })

  test('calls the builder of node-pg-migrate where that makes the same statement', () => {
    const table = { schema: 'public', name: 'a' }
    const reason = { rule: 'missing_index', why: 'Somebody looks up b.' }
    const text = migrationFile(createIndex({ table, on: ['b'], takenNames: new Set(), ...reason }))
    expect(text).toContain(`const table = { schema: 'public', name: 'a' }\n`)
    expect(text).toContain(`  pgm.createIndex(table, ['b'], { name: 'a_b_idx', concurrently: true })\n`)
    expect(text).toContain(`  pgm.dropIndex(table, ['b'], { name: 'a_b_idx', concurrently: true })\n`)
    // The builder would take this name for an expression.
    const spaced = migrationFile(createIndex({ table, on: ['b c'], takenNames: new Set(), ...reason }))
    expect(spaced).toContain('pgm.sql(`CREATE INDEX CONCURRENTLY "a_b c_idx" ON "public"."a" ("b c")`)')
  })

  test('sends the statements of its operation, whatever the names and predicates', async () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 30 })
      .filter((any) => !/[\0\n]/.test(any))
    const names = fc.oneof(
      name,
      fc.constantFrom('id', 'owner_id', 'lower(a)', "a->>'b'", 'a.b', '"q"', 'Ä b'),
    )
    await fc.assert(
      fc.asyncProperty(names, names, names, async (schema, object, column) => {
        const table = { schema, name: object }
        const reason = { rule: 'missing_index', why: 'why' }
        const policies = {
          alterations: [
            {
              policy: column,
              before: { using: `(a = '${column}')`, check: null },
              after: { using: `(b = '${object}')`, check: null },
              needs: [],
              requires: [],
            },
          ],
        }
        for (const made of [
          createIndex({ table, on: [column, object], takenNames: new Set(), ...reason }),
          enableRowSecurity(table, reason),
          alterPolicies({ table, ...reason, ...policies }),
        ]) {
          const migration = await load({ ...made, title: 'any' })
          for (const direction of ['up', 'down'] as const) {
            const sent = await statementsOf(migration, direction)
            expect(sent.map(inOneLine)).toEqual(made[direction].map((sql) => inOneLine(`${sql};`)))
          }
        }
      }),
      { numRuns: 350 },
    )
  })

  test('loads with its conditions', async () => {
    const { optimization } = await load(operation)
    expect(optimization?.why).toBe(operation.why)
    expect(optimization?.before.map(({ description }) => description)).toEqual([
      'index public.a_b_idx is absent',
    ])
  })

  test('keeps every character of statements, predicates and reasons', async () => {
    // No lone surrogates: a file is UTF-8. SQL ends without white space and semicolon of its own.
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 300 })
    const sql = text.map((any) => `SELECT '${any}'`)
    await fc.assert(
      fc.asyncProperty(sql, sql, text, text, async (up, down, why, using) => {
        const table = { schema: why, name: using }
        const expected = { using, check: null }
        const migration = await load({
          ...operation,
          why,
          up: [up],
          down: [down],
          before: [condition(policyIs, table, why, expected)],
        })
        expect(await statementsOf(migration, 'up')).toEqual([`${up};`])
        expect(await statementsOf(migration, 'down')).toEqual([`${down};`])
        expect(migration.optimization?.why).toBe(why)
        expect(migration.optimization?.before[0]?.description).toBe(
          policyIs(table, why, expected).description,
        )
      }),
      { numRuns: 60 },
    )
  })
})

function inOneLine(sql: string): string {
  return sql.replaceAll(/\s+/g, ' ')
}
