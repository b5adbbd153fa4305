import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { underSavepoint } from '../postgres/savepoint.ts'
import type { Bloat } from './bloat.ts'
import { findPgstattuple, knownBloat, unknownBloat } from './bloat.ts'

/** How much of the place for a table's long values is empty. */
export interface ToastBloat extends Bloat {
  /** Of the table that it belongs to. */
  tableOid: number
  bytes: number
}

/** Smaller ones are not worth measuring. */
const smallest = 1_048_576

/**
 * TOAST of every table that is at least a megabyte. There are no statistics of TOAST: without pgstattuple it is unknown.
 */
export async function listToastBloat(db: Database): Promise<ToastBloat[]> {
  const { rows } = await sql<{ tableOid: number; oid: number; bytes: number }>`
    SELECT class.oid AS "tableOid", toast.oid,
      pg_catalog.pg_relation_size(toast.oid)::float8 AS bytes
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_class toast ON toast.oid = class.reltoastrelid
    JOIN pg_catalog.pg_namespace own ON own.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'm') AND own.nspname !~ '^pg_' AND own.nspname <> 'information_schema'
      AND pg_catalog.pg_relation_size(toast.oid) >= ${smallest}
    ORDER BY 3 DESC`.execute(db)
  if (rows.length === 0) return []
  const schema = await findPgstattuple(db, 'pgstattuple_approx')
  const found: ToastBloat[] = []
  for (const { tableOid, oid, bytes } of rows) {
    const bloat =
      schema === undefined
        ? unknownBloat('pgstattuple is not installed')
        : await measure(db, schema, oid, bytes)
    found.push({ tableOid, bytes, ...bloat })
  }
  return found
}

async function measure(db: Database, schema: string, oid: number, bytes: number): Promise<Bloat> {
  try {
    const { rows } = await underSavepoint(db, () =>
      sql<{ percent: number }>`
        -- By its oid: only superusers may name what is in pg_toast.
        SELECT (free_percent + dead_tuple_percent)::float8 AS percent
        FROM ${sql.id(schema, 'pgstattuple')}(${oid}::oid::pg_catalog.regclass)`.execute(db),
    )
    return knownBloat(bytes, rows[0]?.percent ?? 0, { kind: 'measured', how: 'pgstattuple' })
  } catch {
    return unknownBloat('this role may not measure it')
  }
}
