import { printTemplate } from '../optimize/migrationFile.ts'
import type { Direction, ExportedMigration } from './exported.ts'
import { endOf } from './statements.ts'

/** Whether the whole file runs outside a transaction: its tool has one switch for both ways. */
export function runsOutside({ up, down }: ExportedMigration): boolean {
  return !up.transactional || !down.transactional
}

/**
 * The calls of a direction, each with its SQL between backquotes. Where the file runs outside a transaction but this
 * direction needs one, all its statements are one string, which PostgreSQL runs as one transaction.
 */
export function calls(
  { statements, transactional }: Direction,
  outside: boolean,
  call: (sql: string) => string,
): string[] {
  const strings = transactional && outside ? joined(statements) : statements
  return strings.map((sql) => call(printTemplate(sql)))
}

function joined(statements: string[]): string[] {
  return statements.length === 0 ? [] : [statements.map(endOf).join('\n')]
}
