import type { ClientBase } from 'pg'
import type { LockMode } from '../../shadow/locks.ts'
import type { LockTarget } from './targets.ts'

/** A transaction that holds, or waits for, a lock which conflicts with one that is wanted. */
export interface Holder {
  /** PostgreSQL's virtual transaction id; it tells whether two looks saw the same transaction. */
  transaction: string
  /** Null for a prepared transaction, which has no session. */
  pid: number | null
  /** The name of a prepared transaction. */
  preparedAs: string | null
  application: string | null
  state: string | null
  /** Its statement: the current one, or the last one if it is idle. */
  statement: string | null
  /** How long its transaction has been open; null where the role may not see it. */
  openMs: number | null
  /** For how long we have seen it in the way. */
  seenMs?: number
  isAutovacuum: boolean
  /** False while it waits for the lock itself. */
  isGranted: boolean
  mode: LockMode
  schema: string
  relation: string
}

/** Modes that conflict with each mode, as PostgreSQL's manual lists them under "Table-Level Locks". */
const conflicts: Record<LockMode, readonly LockMode[]> = {
  AccessShareLock: ['AccessExclusiveLock'],
  RowShareLock: ['ExclusiveLock', 'AccessExclusiveLock'],
  RowExclusiveLock: ['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'],
  ShareUpdateExclusiveLock: [
    'ShareUpdateExclusiveLock',
    'ShareLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  ShareLock: [
    'RowExclusiveLock',
    'ShareUpdateExclusiveLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  ShareRowExclusiveLock: [
    'RowExclusiveLock',
    'ShareUpdateExclusiveLock',
    'ShareLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  ExclusiveLock: [
    'RowShareLock',
    'RowExclusiveLock',
    'ShareUpdateExclusiveLock',
    'ShareLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  AccessExclusiveLock: [
    'AccessShareLock',
    'RowShareLock',
    'RowExclusiveLock',
    'ShareUpdateExclusiveLock',
    'ShareLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
}

/**
 * Every other transaction whose lock conflicts with one of the targets, those that are open longest first, one row per
 * transaction. Every role may see locks; of other roles' sessions it sees the rest only with pg_read_all_stats.
 */
export async function findHolders(client: ClientBase, targets: LockTarget[]): Promise<Holder[]> {
  if (targets.length === 0) return []
  const wanted = targets.map(({ oid, mode }) => ({ oid, modes: conflicts[mode] }))
  return readHolders(
    client,
    `JOIN pg_catalog.jsonb_to_recordset($1) AS wanted(oid oid, modes text[])
       ON wanted.oid = lock.relation AND lock.mode = ANY (wanted.modes)`,
    JSON.stringify(wanted),
  )
}

/** Transactions that have held any lock on a user's relation for longer than that, where it is not known which lock is wanted. */
export async function findLongTransactions(client: ClientBase, minimumMs: number): Promise<Holder[]> {
  const found = await readHolders(client, 'JOIN (SELECT $1::text) AS nothing ON lock.relation >= 16384', '')
  return found.filter(({ openMs }) => openMs !== null && openMs >= minimumMs)
}

async function readHolders(client: ClientBase, wanted: string, value: string): Promise<Holder[]> {
  const ofOthers = `lock.locktype = 'relation' AND lock.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()`
  // Mostly there is nobody: to know that takes a tenth of the time that it takes PostgreSQL to plan who it is.
  const { rowCount } = await client.query(
    `SELECT FROM pg_catalog.pg_locks lock ${wanted} WHERE ${ofOthers} LIMIT 1`,
    [value],
  )
  if (rowCount === 0) return []
  const { rows } = await client.query<Holder>(
    `SELECT DISTINCT ON (coalesce(lock.virtualtransaction, ''))
       lock.virtualtransaction AS transaction, lock.pid, prepared.gid AS "preparedAs",
       nullif(session.application_name, '') AS application, session.state,
       nullif(session.query, '<insufficient privilege>') AS statement,
       extract(epoch FROM pg_catalog.clock_timestamp()
         - coalesce(session.xact_start, prepared.prepared))::float8 * 1000 AS "openMs",
       session.pid IS NOT NULL AND session.usesysid IS NULL AS "isAutovacuum",
       lock.granted AS "isGranted", lock.mode, namespace.nspname AS schema, class.relname AS relation
     FROM pg_catalog.pg_locks lock
     ${wanted}
     JOIN pg_catalog.pg_class class ON class.oid = lock.relation
     JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     LEFT JOIN pg_catalog.pg_stat_activity session ON session.pid = lock.pid
     -- A prepared transaction has no process; it is known by the lock on its own transaction id.
     LEFT JOIN pg_catalog.pg_locks own ON lock.pid IS NULL AND own.pid IS NULL
       AND own.locktype = 'transactionid' AND own.virtualtransaction = lock.virtualtransaction
     LEFT JOIN pg_catalog.pg_prepared_xacts prepared ON prepared.transaction = own.transactionid
     -- A parallel worker has the locks of its leader, who is named.
     WHERE session.backend_type IS DISTINCT FROM 'parallel worker' AND ${ofOthers}
       AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
     ORDER BY coalesce(lock.virtualtransaction, ''), lock.granted DESC`,
    [value],
  )
  return rows.sort((a, b) => (b.openMs ?? 0) - (a.openMs ?? 0))
}
