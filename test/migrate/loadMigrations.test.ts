import { expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'

const name = '20260101000000000_add-note.ts'
const plain = sqlMigration({ up: ['SELECT 1'], down: ['SELECT 1'] })

async function failureOf(files: Record<string, string>): Promise<UsageError> {
  await using directory = await migrationDirectory(files)
  const error: unknown = await loadMigrations(directory.path).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(UsageError)
  return error as UsageError
}

test('files are loaded in the order of their numbers, dot files left out', async () => {
  await using files = await migrationDirectory({
    '20260102000000000_second.ts': plain,
    '20260101000000000_first.ts': plain,
    '.gitkeep': '',
  })
  const migrations = await loadMigrations(files.path)
  expect(migrations.map((migration) => migration.name)).toEqual([
    '20260101000000000_first',
    '20260102000000000_second',
  ])
})

test('the checksum is the same with Windows line ends, and differs for another text', async () => {
  await using files = await migrationDirectory({
    '20260101000000000_a.ts': plain,
    '20260101000000001_b.ts': plain.replaceAll('\n', '\r\n'),
    '20260101000000002_c.ts': `${plain}// more\n`,
  })
  const [a, b, c] = (await loadMigrations(files.path)).map((migration) => migration.checksum)
  expect(a).toBe(b)
  expect(c).not.toBe(a)
})

test('a missing directory is named', async () => {
  await expect(loadMigrations('/nowhere/migrations')).rejects.toThrow(
    'There is no directory /nowhere/migrations',
  )
})

test.each([
  'notes.md',
  '2026_add-note.ts',
  '20260101000000000_Add_Note.ts',
  '20260101000000000_add-note.sql',
])('a file called %s is refused by name', async (wrong) => {
  const error = await failureOf({ [wrong]: plain })
  expect(error.message).toContain(`${wrong} is not named like a migration`)
})

test('two files with one number are refused', async () => {
  const error = await failureOf({ '20260101000000000_a.ts': plain, '20260101000000000_b.ts': plain })
  expect(error.message).toContain('have the same number')
})

test('a migration without down is refused', async () => {
  const error = await failureOf({ [name]: `export function up(): void {}\n` })
  expect(error.message).toContain('has no function down')
})

test('down = false is refused: every migration must be reversible', async () => {
  const error = await failureOf({ [name]: `export function up(): void {}\nexport const down = false\n` })
  expect(error.message).toContain('has no function down')
})

test('a callback as a second parameter is refused, since one that is never called hangs', async () => {
  const error = await failureOf({
    [name]: `export function up(pgm: unknown, run: () => void): void { run() }\nexport function down(): void {}\n`,
  })
  expect(error.message).toContain('up takes 2 parameters')
})

test('a missing import is named', async () => {
  const error = await failureOf({ [name]: `import './nowhere.ts'\n${plain}` })
  expect(error.message).toContain('does not load')
  expect(error.message).toContain('nowhere')
})

test('a syntax error is named', async () => {
  const error = await failureOf({ [name]: 'export function up( {' })
  expect(error.message).toContain('does not load')
})

test('an optimization of the wrong shape is refused, and the message says where it is wrong', async () => {
  const error = await failureOf({
    [name]: `export const optimization = { why: 'w', rule: 'r', before: [{ description: 'd' }], after: [] }\n${plain}`,
  })
  expect(error.message).toContain('before.0.check')
})
