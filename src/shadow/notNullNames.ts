import type { ClientBase } from 'pg'
import { escapeLiteral } from 'pg'
import { inUserSchema } from '../fingerprint/rows.ts'

/**
 * The statement that gives NOT NULL constraints the names that they have in the source; none where the source has no
 * such constraints, as before PostgreSQL 18. A copy names them after its current tables and columns, while a constraint
 * of the source keeps its first name:
 *
 * ```sql
 * ALTER TABLE bookings RENAME TO trips;           -- the constraint is still bookings_id_not_null
 * CREATE TABLE old_trips (LIKE trips);            -- and here too
 * ```
 *
 * They are found by table and column. The names are written into the catalog: RENAME CONSTRAINT refuses an inherited
 * constraint, though it may have a name of its own, and would take a round trip for each of hundreds of tables. Each
 * constraint first gets a unique name, since two may have to swap theirs.
 */
export async function nameNotNulls(source: ClientBase): Promise<string[]> {
  const { rows } = await source.query<{ names: string | null }>(
    `SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
              'schema', n.nspname, 'table', c.relname, 'column', a.attname, 'name', con.conname))::text AS names
     ${notNulls} AND ${inUserSchema}`,
  )
  const names = rows[0]?.names
  if (!names) return []
  const rename = (name: string): string =>
    `UPDATE pg_catalog.pg_constraint renamed SET conname = ${name}
     FROM (
       SELECT con.oid, wanted.name
       FROM pg_catalog.json_to_recordset(names) AS wanted (schema name, "table" name, "column" name, name name)
       JOIN (SELECT con.oid, con.conname, n.nspname, c.relname, a.attname ${notNulls}) con
         ON (con.nspname, con.relname, con.attname) = (wanted.schema, wanted."table", wanted."column")
       WHERE con.conname <> wanted.name) other
     WHERE renamed.oid = other.oid;`
  return [
    `DO ${escapeLiteral(
      `DECLARE names json := ${escapeLiteral(names)};
       BEGIN ${rename(`'hundredfold ' || other.oid`)} ${rename('other.name')} END`,
    )}`,
  ]
}

const notNulls = `FROM pg_catalog.pg_constraint con
  JOIN pg_catalog.pg_class c ON c.oid = con.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = con.conkey[1]
  WHERE con.contype = 'n'`
