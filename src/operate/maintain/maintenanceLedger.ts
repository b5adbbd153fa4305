import type { ClientBase } from 'pg'
import { UsageError, messageOf } from '../../errors.ts'
import { ledgerSchema } from '../../migrate/ledger.ts'
import { errorCode } from '../../postgres/sqlState.ts'

/** What maintenance did last with each subject. */
export interface LastRuns {
  /** When the task was last done with the subject; undefined for never. */
  of(task: string, subject: string): Date | undefined
}

/**
 * Reads what was done; everything is due where there is no such table yet. Writes nothing.
 *
 * @throws UsageError where the role may not read it
 */
export async function readLastRuns(client: ClientBase): Promise<LastRuns> {
  const there = await client.query(
    `SELECT FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     WHERE namespace.nspname = $1 AND class.relname = 'maintenance'`,
    [ledgerSchema],
  )
  if (there.rowCount === 0) return { of: () => undefined }
  const { rows } = await orRefuse('read', () =>
    client.query<{ task: string; subject: string; doneAt: Date }>(
      `SELECT task, subject, done_at AS "doneAt" FROM ${ledgerSchema}.maintenance`,
    ),
  )
  const runs = new Map(rows.map(({ task, subject, doneAt }) => [JSON.stringify([task, subject]), doneAt]))
  return { of: (task, subject) => runs.get(JSON.stringify([task, subject])) }
}

/** Remembers that a task was done with a subject at this moment. */
export async function recordRun(client: ClientBase, task: string, subject: string): Promise<void> {
  await client.query(
    `INSERT INTO ${ledgerSchema}.maintenance (task, subject) VALUES ($1, $2)
     ON CONFLICT (task, subject) DO UPDATE SET done_at = excluded.done_at`,
    [task, subject],
  )
}

/**
 * One row for each task and subject, in the schema of the ledger.
 *
 * @throws UsageError where the role may not make it
 */
export async function ensureMaintenanceLedger(client: ClientBase): Promise<void> {
  await orRefuse('make', () => makeLedger(client))
}

async function orRefuse<T>(what: 'read' | 'make', work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (errorCode(error) !== '42501') throw error
    throw new UsageError(
      `This role may not ${what} ${ledgerSchema}.maintenance, where maintenance remembers what was done: ${messageOf(error)}. Nothing was done.`,
      what === 'read'
        ? 'Run it as the role that ran it before, or let that role GRANT its privileges on the schema and the table.'
        : `Let the database's owner GRANT CREATE ON DATABASE to it, or CREATE SCHEMA ${ledgerSchema} AUTHORIZATION it.`,
      { cause: error },
    )
  }
}

async function makeLedger(client: ClientBase): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1', [
    ledgerSchema,
  ])
  // IF NOT EXISTS alone would ask for the privilege all the same.
  if (rowCount === 0) await client.query(`CREATE SCHEMA IF NOT EXISTS ${ledgerSchema}`)
  await client.query(`
    CREATE TABLE IF NOT EXISTS ${ledgerSchema}.maintenance (
      task text NOT NULL,
      subject text NOT NULL,
      done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (task, subject)
    )`)
}
