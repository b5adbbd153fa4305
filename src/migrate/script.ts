import { MigrationBuilder } from 'node-pg-migrate'
import { liftSessionLimits } from '../postgres/sessionLimits.ts'
import type { ClientBase, QueryResult } from 'pg'
import { UsageError, messageOf } from '../errors.ts'
import { excerpt } from '../syntax/excerpt.ts'
import { splitStatements } from '../syntax/statements.ts'
import type { Statement } from '../syntax/statements.ts'
import type { Direction, Migration } from './migration.ts'
import type { RunOptions } from './runOptions.ts'
import { isTransactionControl, needsAutocommit } from './statementKind.ts'

/** What a migration will send in one direction. */
export interface Script {
  statements: Statement[]
  /** False after `pgm.noTransaction()`: statements run one by one, each committed by itself. */
  transactional: boolean
}

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/**
 * Asks the migration for its SQL. Its queries through `pgm.db` run on `client`, so the caller decides whether they run in
 * a read-only transaction (to plan) or in the migration's own (to run).
 *
 * @param timeoutMs how long `up` or `down` may take to return its SQL
 * @throws UsageError if the migration throws, rejects or never ends, controls transactions itself, or has a statement
 * that its transaction mode does not allow
 */
export async function buildScript(
  migration: Migration,
  direction: Direction,
  client: ClientBase,
  timeoutMs: number,
): Promise<Script> {
  const pgm = new MigrationBuilder(builderConnection(client, migration) as never, undefined, false, silent)
  await callAction(migration, direction, pgm, timeoutMs)
  const transactional = pgm.isUsingTransaction()
  const statements: Statement[] = []
  for (const step of pgm.getSqlSteps()) {
    const parts = await splitStatements(step)
    refuseUnrunnable(migration, parts, transactional)
    statements.push(...parts)
  }
  return { statements, transactional }
}

/** The same outside the migration's own transaction: its queries run in a read-only transaction. */
export async function readScript(
  migration: Migration,
  direction: Direction,
  options: Pick<RunOptions, 'client' | 'statementTimeoutMs'>,
): Promise<Script> {
  return inReadOnlyTransaction(options, () =>
    buildScript(migration, direction, options.client, options.statementTimeoutMs),
  )
}

/** Runs `look` in a read-only transaction with the session's own `search_path`; it always ends in ROLLBACK. */
export async function inReadOnlyTransaction<T>(
  { client, statementTimeoutMs }: Pick<RunOptions, 'client' | 'statementTimeoutMs'>,
  look: () => Promise<T>,
): Promise<T> {
  try {
    await client.query(`BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = ${statementTimeoutMs}`)
    await liftSessionLimits(client)
    return await look()
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
  }
}

async function callAction(
  migration: Migration,
  direction: Direction,
  pgm: MigrationBuilder,
  timeoutMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const outOfTime = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new UsageError(
            `${direction} of ${migration.name} did not end within ${timeoutMs / 1000} s.`,
            'Check that every promise in it is resolved; long work belongs in SQL, not in the file.',
          ),
        ),
      timeoutMs,
    )
  })
  try {
    await Promise.race([Promise.resolve().then(() => migration[direction](pgm)), outOfTime])
  } catch (error) {
    if (error instanceof UsageError || isDatabaseError(error)) throw error
    throw new UsageError(
      `${direction} of ${migration.name} failed: ${messageOf(error)}`,
      'Fix the file; nothing was run.',
      { cause: error },
    )
  } finally {
    clearTimeout(timer)
  }
}

function isDatabaseError(error: unknown): boolean {
  return error instanceof Error && 'severity' in error
}

/** What node-pg-migrate hands to a migration as `pgm.db`. */
function builderConnection(client: ClientBase, migration: Migration) {
  const query = async (text: string, values?: unknown[]): Promise<QueryResult> => {
    for (const statement of await splitStatements(text)) {
      if (isTransactionControl(statement)) throw transactionControl(migration, statement)
    }
    return client.query(text, values as never)
  }
  const select = async (text: string, values?: unknown[]) => (await query(text, values)).rows as unknown[]
  return { query, select }
}

function refuseUnrunnable(migration: Migration, step: Statement[], transactional: boolean): void {
  for (const statement of step) {
    if (isTransactionControl(statement)) throw transactionControl(migration, statement)
    if (!needsAutocommit(statement)) continue
    if (transactional) {
      throw new UsageError(
        `${migration.name} runs in a transaction, but this statement cannot: ${excerpt(statement.sql)}`,
        'Call pgm.noTransaction() first.',
      )
    }
    if (step.length > 1) {
      throw new UsageError(
        `${migration.name} mixes a statement that cannot run in a transaction with others in one string: ${excerpt(statement.sql)}`,
        'Put each statement into its own call of pgm.sql(): PostgreSQL runs one string as one transaction.',
      )
    }
  }
}

function transactionControl(migration: Migration, statement: Statement): UsageError {
  return new UsageError(
    `${migration.name} controls the transaction itself: ${excerpt(statement.sql)}`,
    'Remove the statement: the runner begins and commits, so that conditions and ledger belong to the same transaction.',
  )
}
