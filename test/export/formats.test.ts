import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { misread, openExport } from '../../src/export/exportTo.ts'
import { exportOperation } from '../../src/export/exported.ts'
import type { ExportedMigration } from '../../src/export/exported.ts'
import { formatNames } from '../../src/export/format.ts'
import { createIndex } from '../../src/operations/createIndex.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { condition } from '../../src/operations/operation.ts'
import { indexIsValid } from '../../src/conditions/indexes.ts'
import { qualified, quote } from '../../src/postgres/identifiers.ts'
import { splitStatements } from '../../src/syntax/statements.ts'
import { readUp } from '../support/readExport.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'formats-'))
  await writeFile(join(directory, 'sqitch.plan'), '%syntax-version=1.0.0\n%project=shop\n\n')
})
afterAll(() => rm(directory, { recursive: true }))

/** What some tool gives a meaning to. */
const marks = [
  ...[
    "'",
    '"',
    '`',
    '\\',
    '?',
    '\\?',
    '$',
    '${',
    '${x}',
    '$$',
    '$1',
    ';',
    ';\n',
    '--',
    '/*',
    '*/',
    '%s',
    '{}',
  ],
  ...[
    '\n',
    '\r\n',
    '\r',
    '\t',
    '\u2028',
    '\u2029',
    'ä',
    '😀',
    ' ',
    '#',
    '@',
    ':name',
    '::',
    ':DATABASE_NAME',
  ],
  ...['--> statement-breakpoint', '\n-- migrate:down', '\n--! no-transaction', '\nCOMMIT;\n', '</script>'],
]
const piece = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...marks) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }) },
)
const text = fc
  .array(piece, { minLength: 1, maxLength: 8 })
  .map((pieces) => pieces.join('').replaceAll('\0', ''))

/** An identifier as PostgreSQL keeps it: at most 63 bytes of whole characters. */
const name = text
  .map((each) => {
    const whole = Array.from(each)
    while (Buffer.byteLength(whole.join('')) > 63) whole.pop()
    return whole.join('')
  })
  .filter((each) => each !== '')

const body = fc.record({ schema: name, table: name, column: name, comment: text, why: text })

function operationOf(
  transactional: boolean,
  given: Record<'schema' | 'table' | 'column' | 'comment' | 'why', string>,
): Operation {
  const table = { schema: given.schema, name: given.table }
  const made = createIndex({
    ...{ table, on: [given.column], takenNames: new Set<string>(), why: given.why, rule: 'missing_index' },
  })
  if (!transactional) return made
  const literal = `'${given.comment.replaceAll("'", "''")}'`
  return {
    ...omitMode(made),
    up: [
      `COMMENT ON TABLE ${qualified(table)} IS ${literal}`,
      `CREATE FUNCTION ${quote(given.schema)}.${quote(given.column)}() RETURNS text LANGUAGE sql AS $a_tag$SELECT ${literal}; SELECT 1$a_tag$`,
    ],
    down: [`COMMENT ON TABLE ${qualified(table)} IS NULL`],
    after: [condition(indexIsValid, table)],
  }
}

/** The operation in a transaction. */
function omitMode(operation: Operation): Operation {
  const copy = { ...operation }
  delete copy.noTransaction
  return copy
}

test('whatever names, literals and reasons hold, a tool sends exactly the statements of the migration, or it is refused', async () => {
  const refused = new Set<string>()
  let written = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...formatNames),
      fc.boolean(),
      body,
      async (format, transactional, given) => {
        const migration = (await exportOperation(operationOf(transactional, given))) as ExportedMigration
        if (misread(format, migration) !== undefined) return void refused.add(format)
        const layout = await openExport({ format, out: directory })
        const { files, conditions } = layout.add(migration)
        const sent = await readUp(format, files)
        expect(sent).toEqual(migration.up.statements)
        const named = files.map(({ path }) => relative(join(directory, '..'), path))
        expect(named.filter((path) => !/^[\w./-]+$/.test(path))).toEqual([])
        expect(files.filter(({ path }) => Buffer.byteLength(basename(path)) > 200)).toEqual([])
        const { before, after } = JSON.parse(files.find(({ path }) => path === conditions)?.text ?? '')
        expect({ before, after }).toEqual(JSON.parse(JSON.stringify(migration.conditions)))
        for (const file of files.filter(({ path }) => path.endsWith('.down.sql')))
          expect(withoutControl(await splitStatements(file.text))).toHaveLength(
            migration.down.statements.length,
          )
        written++
      },
    ),
    { numRuns: 1_500 },
  )
  expect(written).toBeGreaterThan(1_000)
  // Only what these tools cannot be told otherwise.
  expect([...refused].sort()).toEqual(['dbmate', 'drizzle', 'graphile', 'knex'])
}, 120_000)

function withoutControl(statements: { sql: string }[]) {
  return statements.filter(({ sql }) => !/^(--[^\n]*\n|\s)*(BEGIN|COMMIT)$/.test(sql))
}
