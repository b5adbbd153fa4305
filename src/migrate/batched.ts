import type { MigrationBuilder } from 'node-pg-migrate'
import { UsageError } from '../errors.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { sqlTokens } from '../postgres/sqlTokens.ts'
import { excerpt } from '../syntax/excerpt.ts'

/** A statement that is too long for one transaction. */
export interface BatchedStatement {
  /** The table whose key is walked. */
  table: RelationName
  /**
   * The columns of a unique index on it, none of which is ever null. `['ctid']` walks it page by page, which is the fastest,
   * and only for an INSERT ... SELECT: a row that is changed meanwhile moves, so a trigger must take care of it.
   */
  key: string[]
  /** What the statement calls the table; its own name by default. */
  as?: string
  /** One UPDATE, DELETE or INSERT ... SELECT, with `{batch}` where the condition on the key goes. */
  sql: string
  /** Sessions that work at once, each on a part of the key; one by default. No two rows may depend on one another. */
  workers?: number
}

/** The table that a batched statement walks, its key, and what the statement calls it. */
export type BatchWalk = Required<Omit<BatchedStatement, 'sql' | 'workers'>> & { workers?: number }

/** A statement that was written by `batched`. */
export interface BatchTemplate {
  walk: BatchWalk
  /** As its author wrote it, with `{batch}`. */
  text: string
  /** The statement with this condition in the place of `{batch}`. */
  where(condition: string): string
}

/**
 * Adds a statement that `migrate up` runs in batches over a key. Each batch is a short transaction of its own, and a run
 * that was killed goes on from the key that it had reached. node-pg-migrate's own command line, and a migration in one
 * transaction, run it in one piece.
 *
 * ```ts
 * pgm.noTransaction()
 * batched(pgm, {
 *   table: { schema: 'public', name: 'reviews' },
 *   key: ['id'],
 *   as: 'r',
 *   sql: `UPDATE public.reviews AS r SET rating = 0 WHERE r.rating IS NULL AND {batch}`,
 * })
 * ```
 *
 * ```sql
 * UPDATE public.reviews AS r SET rating = 0 WHERE r.rating IS NULL AND (true);   -- in one piece
 * UPDATE public.reviews AS r SET rating = 0 WHERE r.rating IS NULL
 *   AND ((r."id") > (CAST('100' AS bigint)) AND (r."id") <= (CAST('200' AS bigint)));   -- one of the batches
 * ```
 */
export function batched(pgm: Pick<MigrationBuilder, 'sql'>, statement: BatchedStatement): void {
  const { table, key, as = table.name, sql, workers } = statement
  if (key.length === 0 || new Set(key).size < key.length) {
    throw new UsageError(
      `batched() over ${display(table)} needs a key: a list of columns, each of them once.`,
      'Name the columns of its primary key, or of another unique index.',
    )
  }
  const tokens = [...sqlTokens(sql)]
  if (walksPages({ key }) && !/^insert$/i.test(tokens.find((token) => /^\w/.test(token)) ?? '')) {
    throw new UsageError(
      `batched() walks ${display(table)} page by page with a statement that is no INSERT: ${excerpt(sql)}`,
      'Name the columns of its primary key, or of another unique index: a row that is changed moves to another page.',
    )
  }
  const places = tokens.flatMap((_, at) => (isPlaceholder(tokens, at) ? [at] : []))
  const [place] = places
  if (place === undefined || places.length > 1) {
    throw new UsageError(
      `{batch} stands ${places.length === 0 ? 'nowhere' : `${places.length} times`} in a statement of batched(): ${excerpt(sql)}`,
      'Write it once, among the conditions on the table that is walked: WHERE ... AND {batch}.',
    )
  }
  pgm.sql(
    [
      ...tokens.slice(0, place),
      marker({
        ...{ table: { schema: table.schema, name: table.name }, key, as },
        ...(workers === undefined ? {} : { workers }),
      }),
      ...tokens.slice(place + placeholder.length),
    ].join(''),
  )
}

/** The table is walked page by page, and not by a key. */
export function walksPages({ key }: Pick<BatchWalk, 'key'>): boolean {
  return key.length === 1 && key[0] === 'ctid'
}

const placeholder = ['{', 'batch', '}']

function isPlaceholder(tokens: string[], at: number): boolean {
  return placeholder.every((part, offset) => tokens[at + offset] === part)
}

/**
 * What stands in the place of `{batch}`: true, and a comment that says how to do it in batches. Comments nest, and end at
 * the first star and slash, so there is no star in it.
 */
function marker(walk: BatchWalk): string {
  return `(/* hundredfold batch ${JSON.stringify(walk).replaceAll('*', String.raw`\u002a`)} */ true)`
}

const written = /\(\/\* hundredfold batch (?<walk>[^*]*) \*\/ true\)/

/** The parts of a statement that `batched` has written; undefined for any other statement. */
export function findBatchTemplate(sql: string): BatchTemplate | undefined {
  const found = written.exec(sql)
  if (!found?.groups?.['walk']) return undefined
  const [start, end] = [sql.slice(0, found.index), sql.slice(found.index + found[0].length)]
  return {
    walk: JSON.parse(found.groups['walk']) as BatchWalk,
    text: `${start}{batch}${end}`,
    where: (condition) => `${start}(${condition})${end}`,
  }
}
