import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** An index method other than `btree`, with its operator class where that is not the default for the type. */
export interface AccessMethod {
  method: string
  /** Qualified: `public.gin_trgm_ops`. */
  opclass?: string
}

/**
 * The methods with an operator class that serves the operator on values of the type, or of a type that takes them
 * unchanged: `~~*` on varchar -> `gin (... gin_trgm_ops)` where pg_trgm is installed.
 *
 * @param operator without its schema
 */
export async function findAccessMethods(
  db: Database,
  operator: string,
  typeOid: number,
): Promise<AccessMethod[]> {
  const { rows } = await sql<{ method: string; opclass: string; isDefault: boolean }>`
    SELECT DISTINCT method.amname::text AS method,
      pg_catalog.format('%I.%I', namespace.nspname, class.opcname) AS opclass, class.opcdefault AS "isDefault"
    FROM pg_catalog.pg_amop served
    JOIN pg_catalog.pg_operator operator ON operator.oid = served.amopopr
    JOIN pg_catalog.pg_opclass class ON class.opcfamily = served.amopfamily AND class.opcintype = served.amoplefttype
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.opcnamespace
    JOIN pg_catalog.pg_am method ON method.oid = class.opcmethod
    JOIN pg_catalog.pg_type type ON type.oid = ${typeOid}
    WHERE operator.oprname = ${operator} AND method.amname IN ('gin', 'gist', 'brin', 'spgist')
      AND (class.opcintype = type.oid OR EXISTS (
          SELECT FROM pg_catalog.pg_cast taken
          WHERE taken.castsource = type.oid AND taken.casttarget = class.opcintype AND taken.castmethod = 'b')
        OR class.opcintype = 'pg_catalog.anyarray'::regtype AND type.typelem <> 0 AND type.typlen = -1
        OR class.opcintype = 'pg_catalog.anyrange'::regtype AND type.typtype = 'r')
    ORDER BY 1, 2`.execute(db)
  return rows.map(({ method, opclass, isDefault }) => ({ method, ...(isDefault ? {} : { opclass }) }))
}
