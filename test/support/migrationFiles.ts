import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BatchedStatement } from '../../src/migrate/batched.ts'

/** A directory of migration files that a test writes and removes. */
export interface MigrationDirectory {
  path: string
  /** Writes or overwrites one file. */
  write(name: string, text: string): Promise<void>
  remove(name: string): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Writes migration files, `{ '..._create-index.ts': 'export function up ...' }`, into a new directory below `parent`. */
export async function migrationDirectory(
  files: Record<string, string> = {},
  parent = tmpdir(),
): Promise<MigrationDirectory> {
  const path = await mkdtemp(join(parent, 'migrations-'))
  const directory: MigrationDirectory = {
    path,
    write: (name, text) => writeFile(join(path, name), text),
    remove: (name) => rm(join(path, name)),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
  for (const [name, text] of Object.entries(files)) await directory.write(name, text)
  return directory
}

/** A migration of plain SQL statements, each in a `pgm.sql` call of its own. */
export function sqlMigration(parts: {
  up: string[]
  down: string[]
  noTransaction?: boolean
  /** TypeScript source of the `optimization` export's value, where there is one. */
  optimization?: string
  imports?: string
}): string {
  const body = (statements: string[]) =>
    [
      ...(parts.noTransaction ? ['  pgm.noTransaction()'] : []),
      ...statements.map((statement) => `  pgm.sql(${JSON.stringify(statement)})`),
    ].join('\n')
  return [
    `import type { MigrationBuilder } from 'node-pg-migrate'`,
    ...(parts.imports ? [parts.imports] : []),
    ...(parts.optimization ? [`export const optimization = ${parts.optimization}`] : []),
    `export function up(pgm: MigrationBuilder): void {\n${body(parts.up)}\n}`,
    `export function down(pgm: MigrationBuilder): void {\n${body(parts.down)}\n}`,
    '',
  ].join('\n\n')
}

/** A migration whose statements run in batches where they are given as an object; an ordinary one is text. */
export function batchedMigration(parts: {
  up: (string | BatchedStatement)[]
  down: (string | BatchedStatement)[]
  transactional?: boolean
  optimization?: string
  imports?: string
}): string {
  const body = (statements: (string | BatchedStatement)[]) =>
    [
      ...(parts.transactional ? [] : ['  pgm.noTransaction()']),
      ...statements.map((statement) =>
        typeof statement === 'string'
          ? `  pgm.sql(${JSON.stringify(statement)})`
          : `  batched(pgm, ${JSON.stringify(statement)})`,
      ),
    ].join('\n')
  return [
    `import type { MigrationBuilder } from 'node-pg-migrate'`,
    `import { batched } from 'hundredfold'`,
    ...(parts.imports ? [parts.imports] : []),
    ...(parts.optimization ? [`export const optimization = ${parts.optimization}`] : []),
    `export function up(pgm: MigrationBuilder): void {\n${body(parts.up)}\n}`,
    `export function down(pgm: MigrationBuilder): void {\n${body(parts.down)}\n}`,
    '',
  ].join('\n\n')
}
