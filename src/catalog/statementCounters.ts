import type { Sql } from '../postgres/sql.ts'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { displayIdentifier } from '../postgres/identifiers.ts'
import { NotSeen } from './notSeen.ts'

/** The counters of one statement of one user in this database, since its entry was made. */
export interface StatementCounters {
  calls: number
  totalMs: number
  /** Standard deviation of one call, over the whole population of calls. */
  deviationMs: number
  /** Shared blocks touched: found in shared_buffers, or read. */
  blocks: number
  /** Seconds since 1970 at which the entry was made; null before version 1.11 (PostgreSQL 17). */
  since: number | null
}

/** pg_stat_statements at one moment. Texts are no part of it, so that it may be kept. */
export interface CountersReading {
  takenAt: Date
  resetAt: Date | null
  /** How many times entries were evicted to make room; since the server started. */
  evictions: number
  /** False if there were more statements than are kept. */
  isComplete: boolean
  /** Statements of other roles, which this one may not tell apart. */
  hidden: number
  /** By user and `queryid`. */
  statements: Map<string, StatementCounters>
}

/** The same as it is stored: JSON for `statements`. */
export interface StoredReading extends Omit<CountersReading, 'statements'> {
  statements: StoredStatement[]
}

/** Key, calls, total and deviation in milliseconds, blocks, since. */
type StoredStatement = [string, number, number, number, number, number | null]

/** Where pg_stat_statements is, and what its version has. */
export interface CountersSource {
  schema: string
  hasSince: boolean
}

const ofThisDatabase = sql`dbid = (
  SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`

/** Those with the largest total time; the extension itself keeps 5,000 by default. */
const mostStatements = 5_000

/** @throws NotSeen where pg_stat_statements is not installed, not loaded, too old or closed to this role */
export async function findCountersSource(db: Database): Promise<CountersSource> {
  const { rows } = await sql<{ schema: string; version: string; isLoaded: boolean; mayUse: boolean }>`
    SELECT namespace.nspname::text AS schema, extension.extversion AS version,
      pg_catalog.current_setting('pg_stat_statements.max', true) IS NOT NULL AS "isLoaded",
      pg_catalog.has_schema_privilege(namespace.oid, 'USAGE') AS "mayUse"
    FROM pg_catalog.pg_extension extension
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = extension.extnamespace
    WHERE extension.extname = 'pg_stat_statements'`.execute(db)
  const [extension] = rows
  if (!extension) throw new NotSeen('pg_stat_statements is not installed in this database')
  if (!extension.isLoaded)
    throw new NotSeen('pg_stat_statements is installed but not in shared_preload_libraries')
  if (!extension.mayUse) {
    throw new NotSeen(
      `this role may not use schema ${displayIdentifier(extension.schema)} of pg_stat_statements`,
    )
  }
  const [major = 1, minor = 0] = extension.version.split('.').map(Number)
  const isAtLeast = (wanted: number) => major > 1 || minor >= wanted
  if (!isAtLeast(9)) {
    throw new NotSeen(
      `pg_stat_statements ${extension.version} does not say when it was reset; ALTER EXTENSION pg_stat_statements UPDATE`,
    )
  }
  return { schema: extension.schema, hasSince: isAtLeast(11) }
}

/** A query of one row, the reading of this moment. It asks for no text, so no file is read. */
export function readingQuery({ schema, hasSince }: CountersSource): Sql<StoredReading> {
  const since = sql.raw(hasSince ? 'extract(epoch FROM stats_since)' : 'NULL')
  return sql<StoredReading>`
    SELECT pg_catalog.clock_timestamp() AS "takenAt", info.stats_reset AS "resetAt",
      info.dealloc::float8 AS evictions,
      coalesce(max(place) FILTER (WHERE "isCounted"), 0) <= ${mostStatements} AS "isComplete",
      count(counted.dbid) FILTER (WHERE queryid IS NULL)::int AS hidden,
      coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
        userid || ' ' || queryid, calls, total_exec_time, stddev_exec_time, shared_blks_hit + shared_blks_read,
        ${since})) FILTER (WHERE "isCounted" AND place <= ${mostStatements}), '[]') AS statements
    FROM ${sql.id(schema, 'pg_stat_statements_info')} info
    LEFT JOIN (
      SELECT *, pg_catalog.row_number() OVER (PARTITION BY "isCounted" ORDER BY total_exec_time DESC) AS place
      FROM ${sql.id(schema, 'pg_stat_statements')}(false)
      CROSS JOIN LATERAL (SELECT toplevel AND calls > 0 AND queryid IS NOT NULL AS "isCounted") judged
      WHERE ${ofThisDatabase}
    ) counted ON true
    GROUP BY info.stats_reset, info.dealloc`
}

/** The counters as they are now. */
export async function readCounters(db: Database, source: CountersSource): Promise<StoredReading> {
  const { rows } = await readingQuery(source).execute(db)
  const [reading] = rows
  if (!reading) throw new NotSeen('pg_stat_statements_info has no row')
  return reading
}

/**
 * The counters of those with the largest total time, without the cost of packing them for storage. If statements of other
 * roles are hidden, only how many of them there are, up to `most`.
 */
export async function readTopCounters(
  db: Database,
  { schema, hasSince }: CountersSource,
  most: number,
): Promise<CountersReading> {
  const since = sql.raw(hasSince ? 'extract(epoch FROM stats_since)::float8' : 'NULL::float8')
  const { rows: infos } = await sql<Pick<CountersReading, 'takenAt' | 'resetAt' | 'evictions'>>`
    SELECT pg_catalog.clock_timestamp() AS "takenAt", stats_reset AS "resetAt", dealloc::float8 AS evictions
    FROM ${sql.id(schema, 'pg_stat_statements_info')}`.execute(db)
  const [info] = infos
  if (!info) throw new NotSeen('pg_stat_statements_info has no row')
  const { rows } = await sql<StatementCounters & { key: string | null }>`
    SELECT userid || ' ' || queryid AS key, calls::float8 AS calls, total_exec_time AS "totalMs",
      stddev_exec_time AS "deviationMs", (shared_blks_hit + shared_blks_read)::float8 AS blocks, ${since} AS since
    FROM (
      SELECT * FROM ${sql.id(schema, 'pg_stat_statements')}(false)
      WHERE ${ofThisDatabase} AND toplevel AND calls > 0
      ORDER BY queryid IS NULL DESC, total_exec_time DESC LIMIT ${most + 1}
    ) AS top`.execute(db)
  const statements = new Map<string, StatementCounters>()
  for (const { key, ...counters } of rows.slice(0, most)) if (key !== null) statements.set(key, counters)
  return {
    ...info,
    isComplete: rows.length <= most,
    hidden: rows.filter(({ key }) => key === null).length,
    statements,
  }
}

/** Makes a stored reading one that can be asked for a statement. */
export function toReading(stored: StoredReading): CountersReading {
  return {
    ...stored,
    statements: new Map(
      stored.statements.map(([key, calls, totalMs, deviationMs, blocks, since]) => [
        key,
        { calls, totalMs, deviationMs, blocks, since },
      ]),
    ),
  }
}

/** A statement by the key that readings have. */
export interface CountedText {
  key: string
  /** Null for a role that was dropped. */
  role: string | null
  text: string
}

/** The texts of the statements that are counted now. */
export async function listCountedTexts(db: Database, { schema }: CountersSource): Promise<CountedText[]> {
  const { rows } = await sql<CountedText>`
    SELECT userid || ' ' || queryid AS key, roles.rolname::text AS role, query AS text
    FROM ${sql.id(schema, 'pg_stat_statements')} counted
    LEFT JOIN pg_catalog.pg_roles roles ON roles.oid = counted.userid
    WHERE ${ofThisDatabase} AND toplevel AND queryid IS NOT NULL AND query IS NOT NULL`.execute(db)
  return rows
}
