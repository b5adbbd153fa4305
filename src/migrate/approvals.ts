import type { ClientBase } from 'pg'
import { HundredfoldError, exitCodes } from '../errors.ts'
import { readFingerprint } from '../fingerprint/fingerprint.ts'
import { shortList } from '../shortList.ts'
import { ensureLedger, ledgerSchema } from './ledger.ts'
import type { Migration } from './migration.ts'

/** Somebody has read what a migration will do, and wants it to run as it was then. */
export interface Approval {
  name: string
  /** Of the file's text at that time. */
  checksum: string
  /** Hash of the schema's fingerprint at that time, or as approved migrations have left it since. */
  state: string
  /** The role of the database. */
  approvedBy: string
  approvedAt: Date
}

const table = `${ledgerSchema}.approvals`

/** What an approval is bound to besides the file: the hash of the schema's fingerprint, without the ledger. */
export async function readState(client: ClientBase): Promise<string> {
  return (await readFingerprint(client)).hash
}

/**
 * Keeps approvals of the migrations beside the ledger, in place of older ones of the same names.
 *
 * @param state the schema that the reviewer's plan was made for, by `readState`
 */
export async function approve(
  client: ClientBase,
  migrations: readonly Migration[],
  state: string,
): Promise<void> {
  await ensureLedger(client)
  const values = migrations.map(({ name, checksum }) =>
    [name, checksum, state].map((value) => client.escapeLiteral(value)).join(', '),
  )
  // One request is one transaction: all of them are approved or none.
  await client.query(`
    CREATE TABLE IF NOT EXISTS ${table} (
      name text PRIMARY KEY,
      checksum text NOT NULL,
      state text NOT NULL,
      approved_by text NOT NULL DEFAULT session_user,
      approved_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    COMMENT ON TABLE ${table} IS 'Which migrations were approved by \`migrate plan --approve\`, for which schema.';
    INSERT INTO ${table} (name, checksum, state) VALUES (${values.join('), (')})
    ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, state = excluded.state,
      approved_by = DEFAULT, approved_at = DEFAULT`)
}

/** Every approval by its migration; empty where nobody ever approved anything. */
export async function readApprovals(client: ClientBase): Promise<Map<string, Approval>> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     WHERE namespace.nspname = $1 AND class.relname = 'approvals'`,
    [ledgerSchema],
  )
  if (rowCount === 0) return new Map()
  const { rows } = await client.query<Approval>(
    `SELECT name, checksum, state, approved_by AS "approvedBy", approved_at AS "approvedAt" FROM ${table}`,
  )
  return new Map(rows.map((row) => [row.name, row]))
}

/**
 * Refuses files that nobody approved, and those that have changed since.
 *
 * @throws HundredfoldError (2) for a migration that nobody approved, (4) for a changed file
 */
export async function refuseUnapproved(client: ClientBase, pending: readonly Migration[]): Promise<void> {
  const approvals = await readApprovals(client)
  refuse(
    exitCodes.conditionFailed,
    'Nobody has approved',
    pending.filter(({ name }) => !approvals.has(name)),
  )
  refuse(
    exitCodes.drift,
    'Changed since they were approved:',
    pending.filter(({ name, checksum }) => approvals.get(name)?.checksum !== checksum),
  )
}

/**
 * Runs an approved migration on the schema that it was approved for. Later ones that were approved for the same schema are
 * then meant for the one that it leaves.
 *
 * @param isBegun a run was killed in the middle of it, so the schema is between two states
 * @throws HundredfoldError (4) where the schema has changed since
 */
export async function whereApproved<T>(
  client: ClientBase,
  { migration, isBegun }: { migration: Migration; isBegun: boolean },
  run: () => Promise<T>,
): Promise<T> {
  const approvals = await readApprovals(client)
  const state = approvals.get(migration.name)?.state
  if (!isBegun && state !== (await readState(client)))
    refuse(exitCodes.drift, 'The schema of the database has changed since somebody approved', [migration])
  const result = await run()
  const later = [...approvals.values()].filter((each) => each.state === state && each.name > migration.name)
  if (later.length > 0) {
    await client.query(`UPDATE ${table} SET state = $1 WHERE name = ANY ($2)`, [
      await readState(client),
      later.map(({ name }) => name),
    ])
  }
  return result
}

function refuse(
  exitCode: typeof exitCodes.conditionFailed | typeof exitCodes.drift,
  problem: string,
  migrations: readonly Migration[],
): void {
  if (migrations.length === 0) return
  const names = migrations.map(({ name }) => name)
  throw new HundredfoldError(
    exitCode,
    `${problem} ${shortList(names)}.`,
    'Let somebody read `migrate plan` and approve it: `migrate plan --approve`.',
    { details: names },
  )
}
