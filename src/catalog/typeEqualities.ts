import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Whether values of a type can be found by an index, and whether that works behind other conditions. */
export interface TypeEquality {
  /** As `format_type` prints the type of a column. */
  type: string
  /**
   * The function of `=` is leakproof. Only then may PostgreSQL evaluate it on a row that has not passed the conditions
   * before it.
   */
  isLeakproof: boolean
}

/** The types of columns that a B-tree can be searched for, by how their `=` is implemented. */
export async function listTypeEqualities(db: Database): Promise<TypeEquality[]> {
  const { rows } = await sql<TypeEquality>`
    WITH RECURSIVE used AS (
      SELECT DISTINCT attribute.atttypid AS type, attribute.atttypmod AS typmod FROM pg_catalog.pg_attribute attribute
      JOIN pg_catalog.pg_class class ON class.oid = attribute.attrelid AND class.relkind IN ('r', 'p')
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      WHERE attribute.attnum > 0 AND NOT attribute.attisdropped
        AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
    ),
    base AS (
      SELECT used.type, used.typmod, used.type AS below FROM used
      UNION
      SELECT base.type, base.typmod, type.typbasetype FROM base
      JOIN pg_catalog.pg_type type ON type.oid = base.below AND type.typtype = 'd'
    )
    SELECT pg_catalog.format_type(base.type, base.typmod) AS type, bool_and(function.proleakproof) AS "isLeakproof"
    FROM base
    JOIN pg_catalog.pg_type type ON type.oid = base.below AND type.typtype <> 'd'
    JOIN pg_catalog.pg_opclass class ON class.opcdefault
    JOIN pg_catalog.pg_am method ON method.oid = class.opcmethod AND method.amname = 'btree'
    JOIN pg_catalog.pg_amop member ON member.amopfamily = class.opcfamily AND member.amopstrategy = 3
      AND member.amoplefttype = class.opcintype AND member.amoprighttype = class.opcintype
    JOIN pg_catalog.pg_operator operator ON operator.oid = member.amopopr
    JOIN pg_catalog.pg_proc function ON function.oid = operator.oprcode
    WHERE class.opcintype = type.oid
      OR class.opcintype = 'pg_catalog.anyenum'::pg_catalog.regtype AND type.typtype = 'e'
      OR class.opcintype = 'pg_catalog.anyarray'::pg_catalog.regtype AND type.typcategory = 'A'
      OR class.opcintype = 'pg_catalog.anyrange'::pg_catalog.regtype AND type.typtype = 'r'
      OR EXISTS (SELECT FROM pg_catalog.pg_cast
        WHERE castsource = type.oid AND casttarget = class.opcintype AND castmethod = 'b' AND castcontext = 'i')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_opclass own
          WHERE own.opcdefault AND own.opcmethod = class.opcmethod AND own.opcintype = type.oid)
    GROUP BY 1`.execute(db)
  return rows
}
