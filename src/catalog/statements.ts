import { createHash } from 'node:crypto'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { displayIdentifier } from '../postgres/identifiers.ts'
import { NotSeen } from './notSeen.ts'

/** A normalised statement of pg_stat_statements, with its sums since the last reset. */
export interface StatementStatistics {
  /** A digest of the text: the same in every database, unlike `queryid`. */
  id: string
  /** Constants are `$1`, `$2` ... */
  text: string
  role: string | null
  calls: number
  totalMs: number
  meanMs: number
  maxMs: number
  deviationMs: number
  rows: number
  blocksHit: number
  blocksRead: number
  tempBlocksWritten: number
  /** Milliseconds of reading; 0 also where `track_io_timing` is off. */
  readMs: number
  walBytes: number
  /** Full images of pages in it, which the first change after a checkpoint writes. */
  walFullPages: number
  /** Milliseconds of reading and writing, temporary files too (from PostgreSQL 15 on); 0 also where `track_io_timing` is off. */
  ioMs: number
  /** Milliseconds of planning; 0 also where `pg_stat_statements.track_planning` is off. */
  planMs: number
}

/** The statements of this database, and since when they are counted. */
export interface StatementList {
  statements: StatementStatistics[]
  /** Null if the server does not report it. */
  countedSince: Date | null
  /** Statements of other roles, whose text this one may not see, and the time they took. */
  hidden: { statements: number; totalMs: number }
}

/** What pg_stat_statements has counted for one normalised statement of one user. */
export interface StatementCount {
  userId: number
  /** Null where the role was dropped. */
  role: string | null
  queryId: string
  /** Null where pg_stat_statements has lost its file of texts. */
  text: string | null
  calls: number
  totalMs: number
  /** Milliseconds of planning; 0 also where `pg_stat_statements.track_planning` is off. */
  planMs: number
  rows: number
}

/** A look at pg_stat_statements: this database's counts at one moment. */
export interface CountsLook {
  database: string
  takenAt: Date
  /** Since when it counts; null if the server does not report it. */
  countedSince: Date | null
  counts: StatementCount[]
  /** Statements of other roles, whose text this one may not see, and the time they took. */
  hidden: { statements: number; totalMs: number }
}

/** The text of a statement is cut off here; nobody reads a longer one. */
export const longestText = 20_000
const mostStatements = 1_000

/**
 * Statements of this database with the largest total time. Without pg_read_all_stats a role cannot see the text of
 * other roles' statements, so these are left out.
 *
 * @throws NotSeen where pg_stat_statements is not installed, not loaded or not readable.
 */
export async function readStatements(db: Database): Promise<StatementList> {
  const extension = await findView(db)
  const view = sql.id(extension.schema, 'pg_stat_statements')
  const times = timesOf(extension.version)
  const result = await sql<Omit<StatementStatistics, 'id'>>`
    SELECT pg_catalog.left(query, ${longestText}::int) AS text,
      min(pg_catalog.pg_get_userbyid(userid)::text) AS role, sum(calls)::float8 AS calls,
      sum(total_exec_time)::float8 AS "totalMs",
      (sum(total_exec_time) / greatest(1, sum(calls)))::float8 AS "meanMs", max(max_exec_time)::float8 AS "maxMs",
      max(stddev_exec_time)::float8 AS "deviationMs", sum(rows)::float8 AS rows,
      sum(shared_blks_hit)::float8 AS "blocksHit", sum(shared_blks_read)::float8 AS "blocksRead",
      sum(temp_blks_written)::float8 AS "tempBlocksWritten", sum(${sql.id(times.read)})::float8 AS "readMs",
      sum(wal_bytes)::float8 AS "walBytes", sum(wal_fpi)::float8 AS "walFullPages",
      sum(${sql.join(
        [times.read, ...times.others].map((time) => sql.id(time)),
        sql` + `,
      )})::float8 AS "ioMs",
      sum(total_plan_time)::float8 AS "planMs"
    FROM ${view}
    WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND toplevel AND calls > 0 AND query IS NOT NULL AND query <> '<insufficient privilege>'
    GROUP BY query, userid
    ORDER BY sum(total_exec_time) DESC LIMIT ${mostStatements}`.execute(db)
  const hidden = await sql<{ statements: number; totalMs: number }>`
    SELECT count(*)::int AS statements, coalesce(sum(total_exec_time), 0)::float8 AS "totalMs"
    FROM ${view}
    WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND toplevel AND query = '<insufficient privilege>'`.execute(db)
  return {
    statements: result.rows
      .filter(({ text }) => isOfApplication(text))
      .map((row) => ({ id: idOf(row), ...row })),
    countedSince: await countedSince(db, extension.schema),
    hidden: hidden.rows[0] ?? { statements: 0, totalMs: 0 },
  }
}

/**
 * Everything that was counted in this database, user by user, whatever kind of statement it is.
 *
 * @throws NotSeen where pg_stat_statements is not installed, not loaded or not readable.
 */
export async function readCounts(db: Database): Promise<CountsLook> {
  const { schema } = await findView(db)
  const { rows } = await sql<StatementCount & { isHidden: boolean; entries: number }>`
    SELECT counted.userid AS "userId", min(role.rolname::text) AS role, counted.queryid::text AS "queryId",
      pg_catalog.left(min(counted.query), ${longestText}::int) AS text, sum(counted.calls)::float8 AS calls,
      sum(counted.total_exec_time)::float8 AS "totalMs", sum(counted.total_plan_time)::float8 AS "planMs",
      sum(counted.rows)::float8 AS rows, count(*)::int AS entries,
      coalesce(counted.queryid IS NULL OR min(counted.query) = '<insufficient privilege>', false) AS "isHidden"
    FROM ${sql.id(schema, 'pg_stat_statements')} counted
    LEFT JOIN pg_catalog.pg_roles role ON role.oid = counted.userid
    WHERE counted.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND counted.toplevel AND counted.calls > 0
    GROUP BY counted.userid, counted.queryid
    ORDER BY sum(counted.total_exec_time) DESC, 1, 3`.execute(db)
  const { rows: moments } = await sql<{ database: string; takenAt: Date }>`
    SELECT pg_catalog.current_database()::text AS database, pg_catalog.clock_timestamp() AS "takenAt"`.execute(
    db,
  )
  const [moment] = moments
  if (!moment) throw new Error('the server did not say what time it is')
  const hidden = rows.filter(({ isHidden }) => isHidden)
  return {
    ...moment,
    countedSince: await countedSince(db, schema),
    counts: rows
      .filter(({ isHidden }) => !isHidden)
      .map(({ userId, role, queryId, text, calls, totalMs, planMs, rows: returned }) => ({
        userId,
        role,
        queryId,
        text,
        calls,
        totalMs,
        planMs,
        rows: returned,
      })),
    hidden: {
      statements: hidden.reduce((sum, { entries }) => sum + entries, 0),
      totalMs: hidden.reduce((sum, { totalMs }) => sum + totalMs, 0),
    },
  }
}

/** The columns of the time of reads, and of all other I/O: 1.10 (PostgreSQL 15) has temporary files, 1.11 (17) new names. */
function timesOf(version: string): { read: string; others: string[] } {
  const [major = 1, minor = 0] = version.split('.').map(Number)
  const has = (least: number) => major > 1 || minor >= least
  const temporary = has(10) ? ['temp_blk_read_time', 'temp_blk_write_time'] : []
  return has(11)
    ? {
        read: 'shared_blk_read_time',
        others: ['shared_blk_write_time', 'local_blk_read_time', 'local_blk_write_time', ...temporary],
      }
    : { read: 'blk_read_time', others: ['blk_write_time', ...temporary] }
}

/** @throws NotSeen where pg_stat_statements is not installed, not loaded or not readable. */
async function findView(db: Database): Promise<{ schema: string; version: string }> {
  const installed = await sql<{ schema: string; version: string }>`
    SELECT namespace.nspname::text AS schema, extension.extversion AS version
    FROM pg_catalog.pg_extension extension
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = extension.extnamespace
    WHERE extension.extname = 'pg_stat_statements'`.execute(db)
  const [extension] = installed.rows
  if (!extension) throw new NotSeen('pg_stat_statements is not installed in this database')
  const loaded = await sql<{ max: string | null; readable: boolean }>`
    SELECT pg_catalog.current_setting('pg_stat_statements.max', true) AS max,
      pg_catalog.has_schema_privilege(${extension.schema}, 'USAGE') AS readable`.execute(db)
  if (loaded.rows[0]?.max == null) {
    throw new NotSeen('pg_stat_statements is installed but not in shared_preload_libraries')
  }
  if (!loaded.rows[0].readable) {
    throw new NotSeen(
      `this role may not use schema ${displayIdentifier(extension.schema)} of pg_stat_statements`,
    )
  }
  return extension
}

async function countedSince(db: Database, schema: string): Promise<Date | null> {
  const info = await sql<{ there: boolean }>`
    SELECT pg_catalog.to_regclass(${`"${schema.replaceAll('"', '""')}".pg_stat_statements_info`}) IS NOT NULL AS there`.execute(
    db,
  )
  if (!info.rows[0]?.there) return null
  const result = await sql<{ reset: Date | null }>`
    SELECT stats_reset AS reset FROM ${sql.id(schema, 'pg_stat_statements_info')}`.execute(db)
  return result.rows[0]?.reset ?? null
}

/** Reads, writes and calls of the application; no maintenance, and no queries of the catalog such as ours. */
export function isOfApplication(text: string): boolean {
  return (
    /^[\s(]*(--[^\n]*\n\s*|\/\*.*?\*\/\s*)*[\s(]*(select|insert|update|delete|merge|with|values|table|call)\b/is.test(
      text,
    ) && !/\bpg_catalog\.|\bpg_stat_|\binformation_schema\./i.test(text)
  )
}

/** A statement sent by two roles is listed twice: their policies, and so their plans, differ. */
function idOf({ text, role }: { text: string; role: string | null }): string {
  const normalised = text.replace(/\s+/g, ' ').trim()
  return createHash('sha256')
    .update(`${role ?? ''}\n${normalised}`)
    .digest('hex')
    .slice(0, 12)
}
