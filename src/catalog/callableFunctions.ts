import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { CatalogFunction } from './functions.ts'
import { listOwnFunctions } from './functions.ts'
import type { Read } from './reader.ts'

/** A SECURITY DEFINER function, and which of the API's roles can call it. */
export interface CallableFunction extends CatalogFunction {
  /** Those of `anon` and `authenticated` that may use its schema and execute it. */
  callableBy: string[]
  /** Policies for these roles call it, so they have to be able to: a policy's functions run with its reader's rights. */
  policiesFor: string[]
}

/** The SECURITY DEFINER functions that a client can call by name: no triggers, nothing of an extension. */
export async function listCallableDefiners(db: Database, read: Read): Promise<CallableFunction[]> {
  const { rows } = await sql<{ oid: number; callableBy: string[]; policiesFor: string[] }>`
    SELECT function.oid,
      ARRAY(SELECT role.rolname::text FROM pg_catalog.pg_roles role
        WHERE role.rolname IN ('anon', 'authenticated')
          AND pg_catalog.has_schema_privilege(role.oid, function.pronamespace, 'USAGE')
          AND pg_catalog.has_function_privilege(role.oid, function.oid, 'EXECUTE')
        ORDER BY 1) AS "callableBy",
      ARRAY(SELECT DISTINCT role.rolname::text
        FROM pg_catalog.pg_depend depend
        JOIN pg_catalog.pg_policy policy ON policy.oid = depend.objid
        JOIN pg_catalog.pg_roles role ON role.rolname IN ('anon', 'authenticated')
          AND (policy.polroles = '{0}' OR role.oid = ANY (policy.polroles))
        WHERE depend.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
          AND depend.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND depend.refobjid = function.oid
        ORDER BY 1) AS "policiesFor"
    FROM pg_catalog.pg_proc function
    WHERE function.prosecdef
      AND function.prorettype NOT IN ('trigger'::pg_catalog.regtype, 'event_trigger'::pg_catalog.regtype)`.execute(
    db,
  )
  const callable = new Map(rows.map((row) => [row.oid, row]))
  return (await read(listOwnFunctions)).flatMap((each) => {
    const found = callable.get(each.oid)
    return found ? { ...each, callableBy: found.callableBy, policiesFor: found.policiesFor } : []
  })
}
