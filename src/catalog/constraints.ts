import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { lockedRelations } from './lockedRelations.ts'

/** A constraint that PostgreSQL enforces for new rows, but never checked against the old ones. */
export interface UnvalidatedConstraint {
  name: string
  table: RelationName
  tableKind: string
  /** As `pg_get_constraintdef` prints it, with NOT VALID at the end. */
  definition: string
  comment: string | null
  /** It is inherited, by or from another table: what a change does to the other tables differs by version. */
  isShared: boolean
  isExtensionOwned: boolean
  estimatedRows: number
}

/** Every constraint that is enforced and not validated, in one query, except on tables that another session locks. */
export async function listUnvalidatedConstraints(db: Database): Promise<UnvalidatedConstraint[]> {
  const result = await sql<UnvalidatedConstraint>`
    SELECT con.conname AS name, class.relkind AS "tableKind",
      pg_catalog.json_build_object('schema', namespace.nspname, 'name', class.relname) AS "table",
      pg_catalog.pg_get_constraintdef(con.oid) AS definition,
      pg_catalog.obj_description(con.oid, 'pg_constraint') AS comment,
      con.conparentid <> 0 OR NOT con.conislocal
        OR EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = class.oid) AS "isShared",
      EXISTS (
        SELECT FROM pg_catalog.pg_depend depend
        WHERE depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND depend.objid = class.oid AND depend.deptype = 'e') AS "isExtensionOwned",
      greatest(class.reltuples, 0)::float8 AS "estimatedRows"
    FROM pg_catalog.pg_constraint con
    JOIN pg_catalog.pg_class class ON class.oid = con.conrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    LEFT JOIN ${lockedRelations} locked ON locked.oid = class.oid
    WHERE NOT con.convalidated AND locked.oid IS NULL
      -- PostgreSQL 18: a constraint that is NOT ENFORCED is never validated, on purpose.
      AND coalesce((pg_catalog.to_jsonb(con) ->> 'conenforced')::boolean, true)
      AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
    ORDER BY namespace.nspname, class.relname, con.conname`.execute(db)
  return result.rows
}

/** Whether the constraint is validated; undefined where there is none of that name. */
export async function constraintValidity(
  db: Database,
  table: RelationName,
  name: string,
): Promise<boolean | undefined> {
  const { rows } = await sql<{ isValidated: boolean }>`
    SELECT con.convalidated AS "isValidated"
    FROM pg_catalog.pg_constraint con
    JOIN pg_catalog.pg_class class ON class.oid = con.conrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = ${table.schema} AND class.relname = ${table.name}
      AND con.conname = ${name}`.execute(db)
  return rows[0]?.isValidated
}
