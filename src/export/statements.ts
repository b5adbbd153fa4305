import type { Direction } from './exported.ts'

/** SQL statements as the text of a file, each ended. */
export function ended(statements: string[]): string {
  return statements.map((statement) => `${endOf(statement)}\n`).join('')
}

/** The statement with its semicolon; after a comment at its end, which would hide it, on a line of its own. */
export function endOf(statement: string): string {
  return /--[^\n]*$/.test(statement) ? `${statement}\n;` : `${statement};`
}

/**
 * What may stand together in a file that is sent as one string: all statements of a transaction, or a single one that
 * commits by itself.
 */
export function pieces({ statements, transactional }: Direction): string[][] {
  return transactional ? (statements.length === 0 ? [] : [statements]) : statements.map((each) => [each])
}

/**
 * Pairs the pieces of both ways, so that a tool which takes its files back newest first goes the whole way down in order. Where
 * one way has more pieces, some files have nothing to do in the other.
 */
export function pairs(up: Direction, down: Direction): { up: string[]; down: string[] }[] {
  const [ups, downs] = [pieces(up), pieces(down)]
  const length = Math.max(ups.length, downs.length, 1)
  return Array.from({ length }, (_, at) => ({
    up: ups[at] ?? [],
    down: downs[length - 1 - at] ?? [],
  }))
}

/** `slug`, or `slug-1`, `slug-2` ... where there are several files. */
export function partName(slug: string, at: number, of: number): string {
  return of === 1 ? slug : `${slug}-${at + 1}`
}

/** What psql runs as the migration means it. */
export function psqlScript({ statements, transactional }: Direction): string {
  if (statements.length === 0) return ''
  return transactional ? `BEGIN;\n${ended(statements)}COMMIT;\n` : ended(statements)
}
