import type { ClientBase } from 'pg'

/** The statements that put types and functions of the same names where an extension's would be. */
export type StandIns = ReadonlyMap<string, string[]>

/**
 * Reads, for each extension that a shadow lacks, its types and those of its functions that the schema uses. A stand-in
 * type stores text; a stand-in function only raises an error that says what it is. That is enough to create the tables,
 * views and defaults that mention them; operators and operator classes are not imitated.
 *
 * ```sql
 * CREATE TYPE extensions.vector (INPUT = ..., OUTPUT = ..., LIKE = pg_catalog.text, ...);
 * CREATE FUNCTION extensions.similarity(vector, vector) RETURNS double precision ...;
 * ```
 */
export async function readStandIns(source: ClientBase, extensions: readonly string[]): Promise<StandIns> {
  const { rows } = await source.query<{ extension: string; sql: string[] }>(
    `WITH member AS (
       SELECT e.extname AS extension, d.classid, d.objid
       FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
       WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
         AND e.extname = ANY ($1)
     ), statement AS (
       SELECT m.extension, 1 AS step, t.typname AS name, pg_catalog.format(${literal(typeSql)},
                pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname),
                pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname || '_in'),
                pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname || '_out')) AS sql
       FROM member m
       JOIN pg_catalog.pg_type t ON t.oid = m.objid AND m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
       JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
       WHERE t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
       UNION ALL
       SELECT m.extension, 2, p.proname, pg_catalog.format(${literal(functionSql)},
                pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname),
                pg_catalog.pg_get_function_arguments(p.oid), pg_catalog.pg_get_function_result(p.oid),
                CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
                m.extension)
       FROM member m
       JOIN pg_catalog.pg_proc p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
       JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
       WHERE p.prokind = 'f' AND EXISTS (
         SELECT FROM pg_catalog.pg_depend d
         WHERE d.refclassid = m.classid AND d.refobjid = p.oid AND d.deptype IN ('n', 'a')
           AND NOT EXISTS (SELECT FROM member o WHERE o.classid = d.classid AND o.objid = d.objid)
           AND d.classid <> 'pg_catalog.pg_type'::pg_catalog.regclass)
     )
     SELECT extension, pg_catalog.array_agg(sql ORDER BY step, name) AS sql FROM statement GROUP BY 1`,
    [extensions],
  )
  return new Map(rows.map(({ extension, sql }) => [extension, sql]))
}

/** A type that reads, stores and prints text, and takes one number such as the dimensions of a vector. */
const typeSql = `CREATE TYPE %1$s;
CREATE FUNCTION %2$s(cstring) RETURNS %1$s LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION %3$s(%1$s) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE %1$s (INPUT = %2$s, OUTPUT = %3$s, LIKE = pg_catalog.text,
  TYPMOD_IN = pg_catalog.varchartypmodin, TYPMOD_OUT = pg_catalog.varchartypmodout)`

const functionSql = `CREATE FUNCTION %1$s(%2$s) RETURNS %3$s LANGUAGE plpgsql %4$s AS
$stand_in$ BEGIN RAISE 'this stands in for a function of the extension %5$s'; END $stand_in$`

function literal(sql: string): string {
  return `'${sql.replaceAll("'", "''")}'`
}
