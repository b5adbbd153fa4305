import { sql } from '../../postgres/sql.ts'
import type { Sql } from '../../postgres/sql.ts'
import * as z from 'zod'
import type { CountersReading, StoredReading } from '../../catalog/statementCounters.ts'
import { toReading } from '../../catalog/statementCounters.ts'
import type { Database } from '../../postgres/database.ts'
import { ledgerSchema } from '../ledger.ts'
import type { Direction } from '../migration.ts'
import type { ChangedObjects } from './changedObjects.ts'
import { changedObjects } from './changedObjects.ts'

/** The readings before and after each of so many runs are kept; older ones are deleted. */
const runsKept = 40
const changes = sql.ref(`${ledgerSchema}.changes`)
const readings = sql.ref(`${ledgerSchema}.readings`)

/** One migration that ran, between the readings before and after its run. */
export interface Change {
  id: number
  /** The row of the ledger that it made; null once it was taken back, and for `down`. */
  position: number | null
  /** The same for all migrations of one run. */
  run: string
  name: string
  direction: Direction
  ranAt: Date
  /** Undefined if the statements could not be read. */
  objects: ChangedObjects | undefined
  before: number | null
  after: number | null
  /** Why there are no readings. */
  reason: string | null
}

/** A migration that ran, to be written into the log. */
export interface RanChange {
  name: string
  direction: Direction
  objects: ChangedObjects | undefined
  /** Why the reading before its run is not the one before the migration. */
  reason: string | undefined
}

/** Whether the log is there; a ledger from before there was one has none. */
export async function gainLogIsThere(db: Database): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = ${ledgerSchema} AND class.relname = 'changes'`.execute(db)
  return rows.length > 0
}

/**
 * The log's tables, in the ledger's schema. If a migration leaves the ledger, its change stays, without a position: it
 * still bounds the intervals of others.
 */
export const createGainLog = `
  CREATE TABLE IF NOT EXISTS ${ledgerSchema}.readings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    taken_at timestamptz NOT NULL,
    reset_at timestamptz,
    evictions float8 NOT NULL,
    is_complete boolean NOT NULL,
    hidden integer NOT NULL,
    statements jsonb NOT NULL
  );
  CREATE TABLE IF NOT EXISTS ${ledgerSchema}.changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position bigint REFERENCES ${ledgerSchema}.migrations ON DELETE SET NULL,
    run uuid NOT NULL,
    name text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('up', 'down')),
    ran_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    objects jsonb,
    before bigint REFERENCES ${ledgerSchema}.readings ON DELETE SET NULL,
    after bigint REFERENCES ${ledgerSchema}.readings ON DELETE SET NULL,
    reason text
  )`

/**
 * Writes a run into the log, with its two readings, in one statement: all of it or nothing.
 *
 * @param readings the reading before the run, and the query of the one after it; absent with the reason why
 */
export async function recordRun(
  db: Database,
  run: { id: string; changes: RanChange[] },
  taken: { before: StoredReading; after: Sql<StoredReading> } | { reason: string },
): Promise<void> {
  const why = 'reason' in taken ? taken.reason : undefined
  const before =
    'before' in taken
      ? sql`SELECT reading.* FROM pg_catalog.jsonb_to_record(${JSON.stringify(taken.before)}::jsonb) AS reading(
          "takenAt" timestamptz, "resetAt" timestamptz, evictions float8, "isComplete" boolean, hidden int, statements jsonb)`
      : nothing
  const after = 'after' in taken ? taken.after : nothing
  const columns = sql`(taken_at, reset_at, evictions, is_complete, hidden, statements)`
  const ran = run.changes.map(({ objects, reason, ...change }) => ({
    ...change,
    objects: objects ?? null,
    reason: reason ?? why ?? null,
  }))
  await sql`
    WITH before AS (INSERT INTO ${readings} ${columns} ${before} RETURNING id),
    after AS (INSERT INTO ${readings} ${columns} ${after} RETURNING id),
    recorded AS (
      INSERT INTO ${changes} (position, run, name, direction, objects, before, after, reason)
      SELECT CASE WHEN ran.direction = 'up' THEN ledger.position END, ${run.id}::uuid, ran.name, ran.direction,
        nullif(ran.objects, 'null'), (SELECT id FROM before), (SELECT id FROM after), ran.reason
      FROM pg_catalog.jsonb_to_recordset(${JSON.stringify(ran)}::jsonb)
        AS ran(name text, direction text, objects jsonb, reason text)
      LEFT JOIN ${sql.ref(`${ledgerSchema}.migrations`)} ledger ON ledger.name = ran.name
    )
    DELETE FROM ${readings} WHERE id <= (
      SELECT id FROM ${readings} ORDER BY id DESC OFFSET ${2 * (runsKept - 1)} LIMIT 1)`.execute(db)
}

/** No reading. */
const nothing = sql`SELECT NULL::timestamptz, NULL::timestamptz, NULL::float8, NULL::boolean, NULL::int, NULL::jsonb
  WHERE false`

/** Every change, the oldest first. */
export async function readChanges(db: Database): Promise<Change[]> {
  const { rows } = await sql<Omit<Change, 'objects'> & { objects: unknown }>`
    SELECT id::float8 AS id, position::float8 AS position, run, name, direction, ran_at AS "ranAt", objects,
      before::float8 AS before, after::float8 AS after, reason
    FROM ${changes} ORDER BY id`.execute(db)
  return rows.map((row) => ({ ...row, objects: changedObjects.safeParse(row.objects).data }))
}

const statement = z.tuple([z.string(), z.number(), z.number(), z.number(), z.number(), z.number().nullable()])

/** A reading of the log. */
export interface KeptReading extends CountersReading {
  id: number
}

/** The readings with these ids, those that are still kept. */
export async function readReadings(db: Database, ids: number[]): Promise<KeptReading[]> {
  const { rows } = await sql<StoredReading & { id: number }>`
    SELECT id::float8 AS id, taken_at AS "takenAt", reset_at AS "resetAt", evictions, is_complete AS "isComplete",
      hidden, statements
    FROM ${readings} WHERE id = ANY (${ids}::bigint[]) ORDER BY id`.execute(db)
  return rows.flatMap((row) => {
    const statements = z.array(statement).safeParse(row.statements)
    return statements.data ? [{ ...toReading({ ...row, statements: statements.data }), id: row.id }] : []
  })
}
