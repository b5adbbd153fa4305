import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { Volatility } from './functions.ts'
import { mostVolatile } from './functions.ts'

/** Operators whose function is VOLATILE or that live outside of pg_catalog, by `schema.name`. */
export async function listOperators(db: Database): Promise<Map<string, Volatility>> {
  const { rows } = await sql<{ name: string; volatility: Volatility }>`
    SELECT namespace.nspname || '.' || operator.oprname AS name,
      ${mostVolatile(sql`function.provolatile`)} AS volatility
    FROM pg_catalog.pg_operator operator
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = operator.oprnamespace
    JOIN pg_catalog.pg_proc function ON function.oid = operator.oprcode
    WHERE namespace.nspname <> 'pg_catalog' OR function.provolatile = 'v'
    GROUP BY namespace.nspname, operator.oprname`.execute(db)
  return new Map(rows.map(({ name, volatility }) => [name, volatility]))
}

/** Names of operators outside of pg_catalog for types of pg_catalog: which one is meant depends on `search_path`. */
export async function listOpenOperators(db: Database): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`
    SELECT DISTINCT operator.oprname::text AS name
    FROM pg_catalog.pg_operator operator
    LEFT JOIN pg_catalog.pg_type one ON one.oid = operator.oprleft
    JOIN pg_catalog.pg_type other ON other.oid = operator.oprright
    WHERE operator.oprnamespace <> 'pg_catalog'::pg_catalog.regnamespace
      AND coalesce(one.typnamespace, other.typnamespace) = 'pg_catalog'::pg_catalog.regnamespace
      AND other.typnamespace = 'pg_catalog'::pg_catalog.regnamespace`.execute(db)
  return new Set(rows.map(({ name }) => name))
}
