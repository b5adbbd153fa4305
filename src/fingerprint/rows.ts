import type { ClientBase, QueryResultRow } from 'pg'

/** The rows of one query over pg_catalog. */
export async function rows<R extends QueryResultRow>(client: ClientBase, sql: string): Promise<R[]> {
  return (await client.query<R>(sql)).rows
}

/** SQL: leaves out the schemas that PostgreSQL makes itself; `n` is pg_namespace. */
export const inUserSchema = `n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp\\_%'`

/** SQL: leaves out what initdb made, members of extensions, and what was made together with another object. */
export function madeByUser(catalog: string, oid: string): string {
  return `${oid} >= 16384 AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend made
    WHERE made.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass AND made.objid = ${oid} AND made.deptype IN ('e', 'i'))`
}

/** SQL for the grants in an access-control list, as JSON of `Grant[]`; null where there are none. */
export function grantsIn(acl: string): string {
  return `(SELECT pg_catalog.json_agg(granted ORDER BY grantee) FROM (
    SELECT r.rolname AS grantee,
           pg_catalog.array_agg(DISTINCT a.privilege_type ORDER BY a.privilege_type) AS privileges,
           coalesce(pg_catalog.array_agg(DISTINCT a.privilege_type) FILTER (WHERE a.is_grantable), '{}') AS grantable
    FROM pg_catalog.aclexplode(${acl}) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    GROUP BY 1) granted)`
}
