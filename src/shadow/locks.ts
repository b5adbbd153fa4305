import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseError } from 'pg'
import type { ClientBase } from 'pg'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified } from '../postgres/identifiers.ts'
import type { SpareSessions } from './spareSessions.ts'

/** Lock modes of relations, weakest first, and what each keeps others from doing. */
const lockModes = {
  AccessShareLock: 'nothing that runs every day',
  RowShareLock: 'nothing that runs every day',
  RowExclusiveLock: 'nothing that runs every day',
  ShareUpdateExclusiveLock: 'schema changes and vacuum',
  ShareLock: 'writes',
  ShareRowExclusiveLock: 'writes',
  ExclusiveLock: 'writes',
  AccessExclusiveLock: 'reads and writes',
} as const

export type LockMode = keyof typeof lockModes
/** Weakest first; the place in the list, from 1, is the mode's number in LOCK TABLE. */
export const relationLockModes = Object.keys(lockModes) as LockMode[]

/** A greater number for a mode that conflicts with more. */
export function lockStrength(mode: LockMode): number {
  return relationLockModes.indexOf(mode)
}

/** The strongest lock that a statement took on a relation. */
export interface RelationLock {
  relation: RelationName
  mode: LockMode
  /** What others cannot do meanwhile: `writes`. */
  blocks: (typeof lockModes)[LockMode]
}

export interface StatementLocks {
  statement: string
  /** Strongest first; only relations that were there before, and no catalogs. */
  locks: RelationLock[]
  /** How long it took, without the time that it spent waiting for us. */
  ms: number
}

/**
 * Runs a statement and tells which locks it took. A lock on an index or a TOAST table counts for its table,
 * since whoever uses the table needs them too. Outside a transaction the statement is committed; inside one,
 * locks that were held before it are counted only where it made them stronger.
 *
 * A statement that cannot run in a transaction holds its locks only for moments. Two of the spare sessions hold it up:
 * at its first lock, and again where it waits for older transactions. Its locks are read while it waits.
 */
export async function runAndReadLocks(
  client: ClientBase,
  sql: string,
  spare: SpareSessions,
): Promise<StatementLocks> {
  const relations = await listRelations(client)
  const run = async (before?: Lock[]): Promise<StatementLocks> => {
    const started = performance.now()
    await client.query(sql)
    const ms = performance.now() - started
    return { statement: sql, locks: strongest(relations, await locksOf(client), before), ms }
  }
  if (client.getTransactionStatus() === 'T') return run(await locksOf(client))
  try {
    await client.query('BEGIN')
    const ran = await run()
    await client.query('COMMIT')
    return ran
  } catch (error) {
    await client.query('ROLLBACK')
    const code = error instanceof DatabaseError ? error.code : undefined
    if (code === transactionTermination) return runCommitting(client, sql, relations)
    if (code !== activeTransaction) throw error
    return spare.use(3, (sessions) => runHeldUp(client, sql, relations, sessions))
  }
}

/** SQLSTATE invalid_transaction_termination: a procedure commits, and may not inside a transaction block. */
const transactionTermination = '2D000'

/** The locks of a procedure that commits are gone before they can be read, so it runs without its commits first. */
async function runCommitting(client: ClientBase, sql: string, relations: Relations): Promise<StatementLocks> {
  const locks = strongest(relations, await readWithoutCommits(client, sql))
  const started = performance.now()
  await client.query(sql)
  return { statement: sql, locks, ms: performance.now() - started }
}

/**
 * Runs a procedure in a transaction that is rolled back, in which the role's PL/pgSQL procedures do not commit. Nothing is
 * known of one that does not end without its commits, or rolls back by itself.
 */
async function readWithoutCommits(client: ClientBase, sql: string): Promise<Lock[]> {
  try {
    await client.query(`
      BEGIN;
      SET LOCAL statement_timeout = '10s';
      DO $commits$
      DECLARE
        definition text;
      BEGIN
        FOR definition IN
          SELECT pg_catalog.pg_get_functiondef(proc.oid)
          FROM pg_catalog.pg_proc proc JOIN pg_catalog.pg_language language ON language.oid = proc.prolang
          WHERE proc.prokind = 'p' AND language.lanname = 'plpgsql' AND proc.prosrc ~* '\\mcommit\\M'
            AND pg_catalog.pg_has_role(proc.proowner, 'USAGE')
        LOOP
          EXECUTE pg_catalog.regexp_replace(definition, '\\mcommit(\\s+and\\s+(no\\s+)?chain)?\\s*;', 'NULL;', 'gi');
        END LOOP;
      END
      $commits$`)
    await client.query(sql)
    return await locksOf(client)
  } catch (error) {
    if (error instanceof DatabaseError) return []
    throw error
  } finally {
    await client.query('ROLLBACK')
  }
}

/** SQLSTATE active_sql_transaction: the statement "cannot run inside a transaction block". */
const activeTransaction = '25001'

/** A relation that a lock may be on, and the table that a lock on it counts for. */
type Relations = Map<number, { table: number; name: RelationName }>
interface Lock {
  relation: number
  mode: LockMode
}

/**
 * The statement takes ShareUpdateExclusiveLock or more on its table first, so a session that holds this lock
 * on every table stops it there; one with RowExclusiveLock and an old snapshot stops it where it waits for
 * older transactions to end, as CREATE INDEX CONCURRENTLY does between its phases.
 */
async function runHeldUp(
  client: ClientBase,
  sql: string,
  relations: Relations,
  sessions: ClientBase[],
): Promise<StatementLocks> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid')
  const pid = rows[0]?.pid ?? 0
  const [observer, first, second] = sessions as [ClientBase, ClientBase, ClientBase]
  const tables = await lockableTables(observer)
  await hold(first, tables, 'SHARE UPDATE EXCLUSIVE')
  await hold(second, tables, 'ROW EXCLUSIVE')

  const seen: Lock[] = []
  let waitedMs = 0
  const started = performance.now()
  let ended: number | undefined
  const running = client.query(sql).finally(() => (ended = performance.now()))
  // Its outcome is awaited below; until then a failure must not count as unhandled.
  running.catch(() => undefined)
  for (const holder of [first, second]) {
    while (ended === undefined && !(await isWaiting(observer, pid))) await sleep(1)
    const held = performance.now()
    seen.push(...(await locksOf(observer, pid)))
    await holder.query('ROLLBACK')
    if (ended === undefined) waitedMs += performance.now() - held
  }
  while (ended === undefined) {
    seen.push(...(await locksOf(observer, pid)))
    await sleep(1)
  }
  await running
  return { statement: sql, locks: strongest(relations, seen), ms: Math.max(0, ended - started - waitedMs) }
}

async function hold(session: ClientBase, tables: RelationName[], mode: string): Promise<void> {
  // Taking a snapshot makes the session one of the older transactions.
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_catalog.pg_class LIMIT 1')
  if (tables.length > 0) {
    await session.query(`LOCK TABLE ONLY ${tables.map(qualified).join(', ONLY ')} IN ${mode} MODE`)
  }
}

async function lockableTables(client: ClientBase): Promise<RelationName[]> {
  const { rows } = await client.query<RelationName>(
    `SELECT n.nspname AS schema, c.relname AS name
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
       AND n.nspname NOT LIKE 'pg\\_temp\\_%'`,
  )
  return rows
}

async function isWaiting(observer: ClientBase, pid: number): Promise<boolean> {
  const { rowCount } = await observer.query(
    'SELECT FROM pg_catalog.pg_locks WHERE pid = $1 AND NOT granted LIMIT 1',
    [pid],
  )
  return rowCount === 1
}

/** Locks on relations that a session holds or waits for; its own where no session is named. */
async function locksOf(client: ClientBase, pid?: number): Promise<Lock[]> {
  const { rows } = await client.query<Lock>(
    `SELECT relation::int AS relation, mode FROM pg_catalog.pg_locks
     WHERE locktype = 'relation' AND pid = coalesce($1, pg_catalog.pg_backend_pid())
       AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,
    [pid ?? null],
  )
  return rows
}

async function listRelations(client: ClientBase): Promise<Relations> {
  const { rows } = await client.query<{ oid: number; table: number; schema: string; name: string }>(
    `SELECT c.oid, coalesce(owner.oid, i.indrelid, c.oid) AS table, n.nspname AS schema, c.relname AS name
     FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
     LEFT JOIN pg_catalog.pg_class owner ON owner.reltoastrelid = coalesce(i.indrelid, c.oid)
     -- Oids below are of catalogs, whose TOAST tables have no name of their own.
     WHERE c.oid >= 16384`,
  )
  return new Map(rows.map(({ oid, table, schema, name }) => [oid, { table, name: { schema, name } }]))
}

function strongest(relations: Relations, locks: Lock[], before: Lock[] = []): RelationLock[] {
  const held = byTable(relations, before)
  return [...byTable(relations, locks)]
    .filter(
      ([table, mode]) =>
        relationLockModes.indexOf(mode) > relationLockModes.indexOf(held.get(table) ?? mode) ||
        !held.has(table),
    )
    .sort(([, a], [, b]) => relationLockModes.indexOf(b) - relationLockModes.indexOf(a))
    .flatMap(([table, mode]) => {
      const relation = relations.get(table)?.name
      return relation ? [{ relation, mode, blocks: lockModes[mode] }] : []
    })
}

function byTable(relations: Relations, locks: Lock[]): Map<number, LockMode> {
  const strongest = new Map<number, LockMode>()
  for (const { relation, mode } of locks) {
    const table = relations.get(relation)?.table
    if (table === undefined || !relationLockModes.includes(mode)) continue
    const known = strongest.get(table)
    if (known === undefined || relationLockModes.indexOf(mode) > relationLockModes.indexOf(known))
      strongest.set(table, mode)
  }
  return strongest
}
