import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../errors.ts'
import { cannotWrite, writeWholeFile } from '../wholeFile.ts'
import { migrationName } from './loadMigrations.ts'

/**
 * Writes a new migration file with every part in place, and returns its path.
 *
 * @param title a verb and an object, `create-bookings-index`; spaces and capitals are converted
 */
export async function writeNewMigration(directory: string, title: string, now = new Date()): Promise<string> {
  const number = now.toISOString().replaceAll(/\D/g, '')
  const slug = title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  const name = `${number}_${slug}`
  if (!migrationName.test(name)) {
    throw new UsageError(
      `"${title}" cannot be the name of a migration.`,
      'Use a verb and an object, such as create-bookings-index.',
    )
  }
  const path = join(directory, `${name}.ts`)
  await mkdir(directory, { recursive: true }).catch((error: unknown) => {
    throw cannotWrite(directory, error, '--dir')
  })
  await writeWholeFile(path, template, { exclusive: true, placedBy: '--dir' })
  return path
}

const template = `import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIsAbsent, indexIsValid, tableExists, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'your_table' }
const index = { schema: 'public', name: 'your_table_your_column_idx' }

export const optimization: Optimization = {
  why: 'Which query or policy is slow, and why this fixes it.',
  rule: 'missing_index',
  // Holds before \`up\`, and again after \`down\`.
  before: [tableExists(table), indexIsAbsent(index)],
  // Holds after \`up\`, and before \`down\`.
  after: [indexIsValid(index)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['your_column'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
`
