import type { ClientBase } from 'pg'
import type { RelationName } from '../db/identifiers.ts'
import { errorCode } from '../db/sqlState.ts'
import { HundredfoldError, UsageError, exitCodes } from '../errors.ts'

/** The ledger's schema: private, since Supabase exposes `public` to every visitor. */
export const ledgerSchema = 'hundredfold'

/** What a step-by-step migration must be able to take back, recorded before its first statement. */
export interface UndoRecord {
  /** Indexes that were absent before, so that whatever bears the name afterwards is ours to drop. */
  created: RelationName[]
  /** Indexes that were there before and that the statements drop, with the text that re-creates them. */
  dropped: IndexRecord[]
  /** Indexes that `up` made, as they were when it ended: one that has changed since is not ours to drop. */
  made: IndexRecord[]
}

export interface IndexRecord extends RelationName {
  definition: string
}

/**
 * One row of the ledger.
 *
 * - `applied`: the migration ran, its conditions held.
 * - `applying`, `reverting`: the intent of a step-by-step migration, committed before its first statement.
 *   Found at rest it means that a run was killed; the next one goes on from there.
 */
export interface LedgerRow {
  name: string
  checksum: string
  state: 'applied' | 'applying' | 'reverting'
  /** The goal was met before we came; `down` leaves it alone. */
  adopted: boolean
  statementsDone: number
  undo: UndoRecord
  appliedAt: Date | null
}

const columns = `name, checksum, state, adopted, statements_done AS "statementsDone", undo, applied_at AS "appliedAt"`

/**
 * Creates the ledger where it is not there.
 *
 * `position` and not a clock decides the order, so that a clock that jumps changes nothing.
 */
export async function ensureLedger(client: ClientBase): Promise<void> {
  if (await ledgerIsThere(client)) return
  await client.query('BEGIN')
  try {
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${ledgerSchema}`)
    await client.query(`
      CREATE TABLE ${ledgerSchema}.migrations (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE,
        checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
        state text NOT NULL CHECK (state IN ('applied', 'applying', 'reverting')),
        adopted boolean NOT NULL DEFAULT false,
        statements_done integer NOT NULL DEFAULT 0,
        undo jsonb NOT NULL DEFAULT '{"created": [], "dropped": [], "made": []}',
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        applied_at timestamptz
      )`)
    await client.query(
      `COMMENT ON SCHEMA ${ledgerSchema} IS 'Which migrations hundredfold has applied, with their checksums.'`,
    )
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

/** Every row, in the order of application; empty where there is no ledger yet. */
export async function readLedger(client: ClientBase): Promise<LedgerRow[]> {
  if (!(await ledgerIsThere(client))) return []
  try {
    const result = await client.query<LedgerRow>(
      `SELECT ${columns} FROM ${ledgerSchema}.migrations ORDER BY position`,
    )
    return result.rows
  } catch (error) {
    if (errorCode(error) === '42501') {
      throw new UsageError(
        `This role may not read the ledger ${ledgerSchema}.migrations.`,
        `Let the owner run: GRANT USAGE ON SCHEMA ${ledgerSchema} TO role; GRANT SELECT ON ${ledgerSchema}.migrations TO role;`,
        { cause: error },
      )
    }
    throw new HundredfoldError(
      exitCodes.drift,
      `The ledger ${ledgerSchema}.migrations cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      'Somebody changed the table or its grants; restore them, then run `migrate status` again.',
      { cause: error },
    )
  }
}

async function ledgerIsThere(client: ClientBase): Promise<boolean> {
  // The catalog is asked and not to_regclass(), which needs USAGE on the schema to see the table.
  const found = await client.query(
    `SELECT FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     WHERE namespace.nspname = $1 AND class.relname = 'migrations'`,
    [ledgerSchema],
  )
  return found.rowCount === 1
}

/** Records a migration as applied; call it in the transaction that applied it. */
export async function recordApplied(
  client: ClientBase,
  migration: { name: string; checksum: string },
  options: { adopted: boolean },
): Promise<void> {
  await client.query(
    `INSERT INTO ${ledgerSchema}.migrations (name, checksum, state, adopted, applied_at)
     VALUES ($1, $2, 'applied', $3, clock_timestamp())`,
    [migration.name, migration.checksum, options.adopted],
  )
}

/** Records the intent to run a migration step by step, before its first statement. */
export async function recordIntent(
  client: ClientBase,
  migration: { name: string; checksum: string },
  state: 'applying' | 'reverting',
  undo: UndoRecord,
): Promise<void> {
  await client.query(
    `INSERT INTO ${ledgerSchema}.migrations AS ledger (name, checksum, state, undo) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET state = $3, undo = $4, statements_done = 0`,
    [migration.name, migration.checksum, state, undo],
  )
}

/** Says that the first `done` statements of the intent are committed. */
export async function recordProgress(client: ClientBase, name: string, done: number): Promise<void> {
  await client.query(`UPDATE ${ledgerSchema}.migrations SET statements_done = $2 WHERE name = $1`, [
    name,
    done,
  ])
}

/** Turns an intent into an applied row; `made` are the indexes that `up` made. */
export async function recordFinished(client: ClientBase, name: string, made: IndexRecord[]): Promise<void> {
  await client.query(
    `UPDATE ${ledgerSchema}.migrations
     SET state = 'applied', statements_done = 0, applied_at = coalesce(applied_at, clock_timestamp()),
         undo = pg_catalog.jsonb_build_object('created', '[]'::jsonb, 'dropped', '[]'::jsonb, 'made', $2::jsonb)
     WHERE name = $1`,
    [name, JSON.stringify(made)],
  )
}

/** Takes a migration out of the ledger; call it in the transaction that took it back. */
export async function forget(client: ClientBase, name: string): Promise<void> {
  await client.query(`DELETE FROM ${ledgerSchema}.migrations WHERE name = $1`, [name])
}
