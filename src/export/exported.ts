import type { ConditionCall, Operation } from '../operations/operation.ts'
import type { Migration } from '../migrate/migration.ts'
import { findBatchTemplate } from '../migrate/batched.ts'
import type { RunOptions } from '../migrate/runOptions.ts'
import type { Script } from '../migrate/script.ts'
import { readScript } from '../migrate/script.ts'
import { isCall, needsAutocommit } from '../migrate/statementKind.ts'
import { slugOf } from '../optimize/migrationNames.ts'
import { excerpt } from '../syntax/excerpt.ts'
import { splitStatements } from '../syntax/statements.ts'
import type { IndexChange } from './source/indexChanges.ts'
import { indexChanges } from './source/indexChanges.ts'

/** A migration on its way to another tool. */
export interface ExportedMigration {
  /** What its files may be called, without a number: `create-bookings-customer-id-idx`. */
  slug: string
  why: string
  rule: string
  /** Ids of its operations: a file that carries one is not written again. */
  ids: string[]
  up: Direction
  down: Direction
  /** What the way up does to indexes, which the project may declare elsewhere too. */
  indexes: IndexChange[]
  /** As data, where it comes from an operation; a migration file has them as code. */
  conditions?: { before: ConditionCall[]; after: ConditionCall[] }
}

/** One way of a migration. */
export interface Direction {
  statements: string[]
  /** All of them in one transaction; else each commits by itself. */
  transactional: boolean
}

/** Why a migration cannot be exported. */
export interface Refused {
  refused: string
}

/** What an operation does, as a migration that no file holds yet. */
export async function exportOperation(operation: Operation): Promise<ExportedMigration | Refused> {
  const transactional = operation.noTransaction === undefined
  const up = await scriptOf(operation.up, transactional)
  const down = await scriptOf(operation.down, transactional)
  const refused = whyNot(up, down, operation.series)
  if (refused !== undefined) return { refused }
  return {
    slug: slugOf(operation.title),
    why: operation.why,
    rule: operation.rule,
    ids: operation.ids,
    up: directionOf(up),
    down: directionOf(down),
    indexes: indexChanges(up.statements),
    conditions: { before: operation.before, after: operation.after },
  }
}

/** A migration file, read as `migrate plan` reads it: its own queries run in a read-only transaction. */
export async function exportMigration(
  migration: Migration,
  options: Pick<RunOptions, 'client' | 'statementTimeoutMs'>,
): Promise<ExportedMigration | Refused> {
  const up = await readScript(migration, 'up', options)
  const down = await readScript(migration, 'down', options)
  const { optimization } = migration
  const refused = whyNot(up, down, optimization?.series)
  if (refused !== undefined) return { refused }
  return {
    slug: slugOf(migration.name.slice(18)),
    why: optimization?.why ?? '',
    rule: optimization?.rule ?? '',
    // Its own name too, by which it is known where it has no operations.
    ids: [...(optimization?.operations ?? []), migration.name],
    up: directionOf(up),
    down: directionOf(down),
    indexes: indexChanges(up.statements),
  }
}

async function scriptOf(statements: string[], transactional: boolean): Promise<Script> {
  const parts = await Promise.all(statements.map(splitStatements))
  return { statements: parts.flat(), transactional }
}

function directionOf({ statements, transactional }: Script): Direction {
  return { statements: statements.map(({ sql }) => sql), transactional }
}

/** What only our own runner can do: repeat a statement until it has walked a table, and stop a series that is not complete. */
function whyNot(up: Script, down: Script, series: string | undefined): string | undefined {
  if (series !== undefined) {
    return 'it belongs to a series that moves rows in batches and whose conditions keep them from being lost; only `migrate up` checks them'
  }
  for (const { statements, transactional } of [up, down]) {
    for (const statement of statements) {
      if (isCall(statement)) {
        return `it calls a procedure that commits by itself, which only \`migrate up\` calls again if it was cut off: ${excerpt(statement.sql)}`
      }
      if (!transactional && findBatchTemplate(statement.sql)) {
        return `a statement runs in batches, which only \`migrate up\` does; in one piece it locks every row that it changes: ${excerpt(statement.sql)}`
      }
      if (transactional && needsAutocommit(statement)) {
        return `it runs in a transaction, but this statement cannot: ${excerpt(statement.sql)}`
      }
    }
  }
  return undefined
}
