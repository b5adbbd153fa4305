import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** A function that an expression may run without naming it. */
export interface ImplicitCall {
  functionOid: number
  /** A phrase: `the cast to public.money`. */
  what: string
}

/** A function that an operator of the team's own runs. */
export interface OperatorCall {
  functionOid: number
  schema: string
  name: string
}

/**
 * Functions of the team's own, not of the server or an extension, behind casts, checks of domains, and operator classes.
 * An expression may run them wherever a value of the type turns up.
 */
export async function listImplicitCalls(db: Database): Promise<ImplicitCall[]> {
  const { rows } = await sql<ImplicitCall>`
    SELECT DISTINCT function.oid AS "functionOid", used.what
    FROM (
      SELECT conversion.castfunc AS called, 'the cast to ' || pg_catalog.format_type(conversion.casttarget, NULL) AS what
      FROM pg_catalog.pg_cast conversion
      UNION ALL
      SELECT depend.refobjid, 'the domain ' || pg_catalog.format_type(con.contypid, NULL)
      FROM pg_catalog.pg_constraint con
      JOIN pg_catalog.pg_depend depend ON depend.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
        AND depend.objid = con.oid AND depend.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      WHERE con.contypid <> 0
      UNION ALL
      SELECT support.amproc, 'an operator class of ' || pg_catalog.format_type(support.amproclefttype, NULL)
      FROM pg_catalog.pg_amproc support
      UNION ALL
      SELECT operator.oprcode, 'an operator class of ' || pg_catalog.format_type(member.amoplefttype, NULL)
      FROM pg_catalog.pg_amop member
      JOIN pg_catalog.pg_operator operator ON operator.oid = member.amopopr
    ) used
    JOIN pg_catalog.pg_proc function ON function.oid = used.called
    WHERE ${ofTheTeam}
    ORDER BY 1, 2`.execute(db)
  return rows
}

/** Operators that run functions of the team's own. */
export async function listOperatorCalls(db: Database): Promise<OperatorCall[]> {
  const { rows } = await sql<OperatorCall>`
    SELECT function.oid AS "functionOid", namespace.nspname::text AS schema, operator.oprname::text AS name
    FROM pg_catalog.pg_operator operator
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = operator.oprnamespace
    JOIN pg_catalog.pg_proc function ON function.oid = operator.oprcode
    WHERE ${ofTheTeam}
    ORDER BY 2, 3, 1`.execute(db)
  return rows
}

/** Not the server's, and of an extension only what is VOLATILE. */
const ofTheTeam = sql`function.oid >= 16384 AND (function.provolatile = 'v' OR NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend owned
  WHERE owned.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND owned.objid = function.oid
    AND owned.deptype = 'e'))`
