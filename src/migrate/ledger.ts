import { DatabaseError } from 'pg'
import type { ClientBase } from 'pg'
import * as z from 'zod'
import { errorCode, isConnectionLost } from '../postgres/sqlState.ts'
import { HundredfoldError, UsageError, exitCodes, messageOf } from '../errors.ts'
import type { StepRecord } from './steps/record.ts'
import { stepRecords } from './steps/record.ts'

/** The ledger has a schema of its own, since Supabase exposes `public` to every visitor. */
export const ledgerSchema = 'hundredfold'

/**
 * One row of the ledger.
 *
 * - `applied`: the migration ran, its conditions held.
 * - `applying`, `reverting`: the intent of a step-by-step migration, committed before its first statement.
 *   If no run is active, it means that a run was killed; the next run continues there.
 * - `takenBack`: `migrate verify --gain --take-back` has undone it, for it made something slower. It is not applied again unless
 *   it is named.
 */
export interface LedgerRow {
  /** Grows with every application. */
  position: number
  name: string
  checksum: string
  state: 'applied' | 'applying' | 'reverting' | 'takenBack'
  /** The goal was met before we came; `down` leaves it alone. */
  adopted: boolean
  statementsDone: number
  /** What is needed to take the migration back; recorded before its first statement and again when `up` has ended. */
  undo: StepRecord[]
  appliedAt: Date | null
}

const columns = `position::float8 AS position, name, checksum, state, adopted, statements_done AS "statementsDone", undo, applied_at AS "appliedAt"`

const stateCheck = `migrations_state_check CHECK (state IN ('applied', 'applying', 'reverting', 'takenBack'))`

/**
 * Creates the ledger if it does not exist.
 *
 * `position` decides the order, not a clock: a clock may jump.
 */
export async function ensureLedger(client: ClientBase): Promise<void> {
  if (await ledgerIsThere(client)) return
  // One request is one transaction: it creates everything or nothing.
  await client.query(`
    CREATE SCHEMA IF NOT EXISTS ${ledgerSchema};
    COMMENT ON SCHEMA ${ledgerSchema} IS 'Which migrations hundredfold has applied, with their checksums.';
    CREATE TABLE ${ledgerSchema}.migrations (
      position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      name text NOT NULL UNIQUE,
      checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
      state text NOT NULL CONSTRAINT ${stateCheck},
      adopted boolean NOT NULL DEFAULT false,
      statements_done integer NOT NULL DEFAULT 0,
      undo jsonb NOT NULL DEFAULT '[]',
      reached jsonb,
      started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      applied_at timestamptz
    )`)
}

/** Lets a ledger of a former version hold rows that are taken back. */
export async function allowTakenBack(client: ClientBase): Promise<void> {
  await client.query(
    `ALTER TABLE ${ledgerSchema}.migrations DROP CONSTRAINT IF EXISTS migrations_state_check,
       ADD CONSTRAINT ${stateCheck}`,
  )
}

/** Every row, in the order of application; empty where there is no ledger yet. */
export async function readLedger(client: ClientBase): Promise<LedgerRow[]> {
  if (!(await ledgerIsThere(client))) return []
  try {
    const result = await client.query<LedgerRow>(
      `SELECT ${columns} FROM ${ledgerSchema}.migrations ORDER BY position`,
    )
    return result.rows.map((row) => ({ ...row, undo: readUndo(row) }))
  } catch (error) {
    if (error instanceof HundredfoldError || isConnectionLost(error)) throw error
    if (errorCode(error) === '42501') {
      throw new UsageError(
        `This role may not read the ledger ${ledgerSchema}.migrations.`,
        `Let the owner run: GRANT USAGE ON SCHEMA ${ledgerSchema} TO role; GRANT SELECT ON ${ledgerSchema}.migrations TO role;`,
        { cause: error },
      )
    }
    throw new HundredfoldError(
      exitCodes.drift,
      `The ledger ${ledgerSchema}.migrations cannot be read: ${messageOf(error)}.`,
      'Somebody changed the table or its grants; restore them, then run `migrate status` again.',
      { cause: error },
    )
  }
}

/** Only hundredfold writes this column, so another shape means that somebody has edited it. */
function readUndo({ name, undo }: { name: string; undo: unknown }): StepRecord[] {
  const { data } = stepRecords.safeParse(undo)
  if (data) return data
  throw editedColumn(name, 'undo', "set it to '[]' where nothing is left to take back")
}

function editedColumn(name: string, column: string, otherwise: string): HundredfoldError {
  return new HundredfoldError(
    exitCodes.drift,
    `The ledger's row of ${name} was edited: its column ${column} is not as hundredfold wrote it.`,
    `Restore it from a backup, or ${otherwise}.`,
  )
}

async function ledgerIsThere(client: ClientBase): Promise<boolean> {
  // From the catalog: to_regclass() would need USAGE on the schema to see the table.
  const found = await client.query(
    `SELECT FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     WHERE namespace.nspname = $1 AND class.relname = 'migrations'`,
    [ledgerSchema],
  )
  return found.rowCount === 1
}

/** A setting that lasts until the end of the transaction that set it. */
export const transactionMark = 'hundredfold.transaction'

/**
 * Records a migration as applied, and commits the transaction that applied it, in one request.
 *
 * @param transaction the mark that the runner set at the beginning; if the mark is gone, so is the transaction
 * @returns false, with nothing recorded, if the mark is gone
 */
export async function recordAppliedAndCommit(
  client: ClientBase,
  migration: { name: string; checksum: string },
  { adopted, transaction }: { adopted: boolean; transaction: string },
): Promise<boolean> {
  const literal = (value: string) => client.escapeLiteral(value)
  try {
    // Without the mark the name is NULL, which the table refuses, so COMMIT is not reached.
    await client.query(
      `DELETE FROM ${ledgerSchema}.migrations
       WHERE name = ${literal(migration.name)} AND state = 'takenBack';
       INSERT INTO ${ledgerSchema}.migrations (name, checksum, state, adopted, applied_at)
       VALUES (CASE WHEN pg_catalog.current_setting('${transactionMark}', true) = ${literal(transaction)}
                    THEN ${literal(migration.name)} END,
               ${literal(migration.checksum)}, 'applied', ${adopted}, pg_catalog.clock_timestamp());
       COMMIT`,
    )
    return true
  } catch (error) {
    if (error instanceof DatabaseError && error.code === '23502' && error.schema === ledgerSchema)
      return false
    throw error
  }
}

/** Records the intent to run a migration step by step, before its first statement. */
export async function recordIntent(
  client: ClientBase,
  migration: { name: string; checksum: string },
  state: 'applying' | 'reverting',
  undo: StepRecord[],
): Promise<void> {
  await client.query(
    `INSERT INTO ${ledgerSchema}.migrations AS ledger (name, checksum, state, undo) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET state = $3, undo = $4, statements_done = 0, checksum = $2,
       applied_at = CASE WHEN $3 = 'reverting' THEN ledger.applied_at END`,
    [migration.name, migration.checksum, state, JSON.stringify(undo)],
  )
}

/** Records that the first `done` statements of the intent are committed. */
export async function recordProgress(client: ClientBase, name: string, done: number): Promise<void> {
  await client.query(`UPDATE ${ledgerSchema}.migrations SET statements_done = $2 WHERE name = $1`, [
    name,
    done,
  ])
}

/** A part of the key that a session of its own walks. */
const part = z.object({
  after: z.array(z.string()).optional(),
  /** Its upper end; the last part has none. */
  upTo: z.array(z.string()).optional(),
  rows: z.number(),
  isDone: z.boolean(),
})
export type Part = z.infer<typeof part>

/** How far the batches of one statement are. */
const reached = z.object({
  /** Which statement of the intent it is, counted from 1. */
  position: z.number(),
  /** The key in the order in which it is walked. */
  key: z.array(z.string()),
  /** The key of the last row that is done; absent before the first batch. */
  after: z.array(z.string()).optional(),
  /** The greatest key when the first batch began. */
  until: z.array(z.string()),
  rows: z.number(),
  /** An estimate. */
  rowsInAll: z.number(),
  /** Where several sessions work; `after` and `rows` then stand in each of them. */
  parts: z.array(part).optional(),
})
export type Reached = z.infer<typeof reached>

/** Lets a ledger of a former version hold how far batches are. */
export async function allowReached(client: ClientBase): Promise<void> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_catalog.pg_attribute
     WHERE attrelid = '${ledgerSchema}.migrations'::regclass AND attname = 'reached' AND NOT attisdropped`,
  )
  if (rowCount === 0) await client.query(`ALTER TABLE ${ledgerSchema}.migrations ADD COLUMN reached jsonb`)
}

/** How far the batches of the statement at `position` are; undefined if none is committed. */
export async function readReached(
  client: ClientBase,
  name: string,
  position: number,
): Promise<Reached | undefined> {
  const { rows } = await client.query<{ reached: unknown }>(
    `SELECT reached FROM ${ledgerSchema}.migrations WHERE name = $1 AND reached IS NOT NULL`,
    [name],
  )
  const [row] = rows
  if (!row) return undefined
  const { data } = reached.safeParse(row.reached)
  if (!data)
    throw editedColumn(name, 'reached', 'set it to NULL where the statement may run over all rows again')
  return data.position === position ? data : undefined
}

/** Records how far the batches are, in the transaction of a batch; null after the last one. */
export async function recordReached(client: ClientBase, name: string, to: Reached | null): Promise<void> {
  await client.query(`UPDATE ${ledgerSchema}.migrations SET reached = $2 WHERE name = $1`, [
    name,
    to && JSON.stringify(to),
  ])
}

/**
 * Records how far one part is, in the transaction of a batch.
 *
 * @returns false, with nothing recorded, if another run has gone on with it meanwhile
 */
export async function recordPart(
  client: ClientBase,
  name: string,
  at: number,
  { from, to }: { from: Part; to: Part },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE ${ledgerSchema}.migrations
     SET reached = pg_catalog.jsonb_set(reached, ARRAY['parts', $2::text], $4::jsonb)
     WHERE name = $1 AND reached #> ARRAY['parts', $2::text] = $3::jsonb`,
    [name, `${at}`, JSON.stringify(from), JSON.stringify(to)],
  )
  return rowCount === 1
}

/** Turns an intent into an applied row; `made` is what the steps of `up` made. */
export async function recordFinished(client: ClientBase, name: string, made: StepRecord[]): Promise<void> {
  await client.query(
    `UPDATE ${ledgerSchema}.migrations
     SET state = 'applied', statements_done = 0, applied_at = coalesce(applied_at, clock_timestamp()), undo = $2
     WHERE name = $1`,
    [name, JSON.stringify(made)],
  )
}

/**
 * Takes a migration out of the ledger, or marks it as taken back.
 *
 * @param transaction the runner's mark, if this runs in the transaction that took the migration back
 * @returns false, with nothing changed, if the mark is gone
 */
export async function forget(
  client: ClientBase,
  name: string,
  { transaction, marksTakenBack }: { transaction?: string; marksTakenBack?: boolean | undefined } = {},
): Promise<boolean> {
  const change = marksTakenBack
    ? `UPDATE ${ledgerSchema}.migrations SET state = 'takenBack', undo = '[]', statements_done = 0`
    : `DELETE FROM ${ledgerSchema}.migrations`
  const { rowCount } = await client.query(
    `${change}
     WHERE name = $1 AND ($2::text IS NULL OR pg_catalog.current_setting('${transactionMark}', true) = $2)`,
    [name, transaction ?? null],
  )
  return rowCount === 1
}
