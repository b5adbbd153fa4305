import { sql } from 'kysely'
import type { Policy } from '../../catalog/policies.ts'
import { findPoliciesOf } from '../../catalog/policies.ts'
import type { Database } from '../../postgres/database.ts'
import type { RelationName } from '../../postgres/identifiers.ts'

export interface Column {
  name: string
  /** As `format_type` prints it: `numeric(10,2)`, `public.status`. */
  type: string
  notNull: boolean
  isDomain: boolean
  /** Its collation takes different texts for equal ones. */
  isNondeterministic: boolean
  isKey: boolean
  /** Labels of an enum, in order; empty for other types. */
  labels: string[]
}

/** The table whose policies are compared, as the catalog has it. */
export interface Subject {
  table: RelationName
  oid: number
  owner: string
  /** The planner's estimate; below 0 where the table was never analysed. */
  estimatedRows: number
  columns: Column[]
  policies: Policy[]
}

/** The table with its columns and policies, or undefined. Expressions are printed for the session's `search_path`. */
export async function findSubject(db: Database, table: RelationName): Promise<Subject | undefined> {
  const found = await db
    .selectFrom('pg_catalog.pg_class as class')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'class.relnamespace')
    .select([
      'class.oid',
      'class.reltuples as estimatedRows',
      sql<string>`pg_catalog.pg_get_userbyid(class.relowner)`.as('owner'),
    ])
    .where('namespace.nspname', '=', table.schema)
    .where('class.relname', '=', table.name)
    .where('class.relkind', 'in', ['r', 'p'])
    .executeTakeFirst()
  if (!found) return undefined
  const columns = (await listColumns(db, [found.oid])).get(found.oid) ?? []
  return { table, ...found, columns, policies: await findPoliciesOf(db, [found.oid]) }
}

/** The columns of each relation in their order, without dropped ones, by the relation's oid. */
async function listColumns(db: Database, oids: number[]): Promise<Map<number, Column[]>> {
  const rows = await db
    .selectFrom('pg_catalog.pg_attribute as attribute')
    .innerJoin('pg_catalog.pg_type as type', 'type.oid', 'attribute.atttypid')
    .select([
      'attribute.attrelid as oid',
      'attribute.attname as name',
      sql<string>`pg_catalog.format_type(attribute.atttypid, attribute.atttypmod)`.as('type'),
      'attribute.attnotnull as notNull',
      sql<boolean>`type.typtype = 'd'`.as('isDomain'),
      sql<boolean>`EXISTS (
        SELECT FROM pg_catalog.pg_collation o
        WHERE o.oid = attribute.attcollation AND NOT o.collisdeterministic)`.as('isNondeterministic'),
      sql<boolean>`EXISTS (
        SELECT FROM pg_catalog.pg_index i
        WHERE i.indrelid = attribute.attrelid AND i.indisprimary AND attribute.attnum = ANY (i.indkey))`.as(
        'isKey',
      ),
      sql<string[]>`ARRAY(
        SELECT e.enumlabel::text FROM pg_catalog.pg_enum e
        WHERE e.enumtypid = type.oid ORDER BY e.enumsortorder)`.as('labels'),
    ])
    .where('attribute.attrelid', 'in', oids)
    .where('attribute.attnum', '>', 0)
    .where('attribute.attisdropped', '=', false)
    .orderBy('attribute.attrelid')
    .orderBy('attribute.attnum')
    .execute()
  const byOid = new Map<number, Column[]>()
  for (const { oid, ...column } of rows) byOid.set(oid, [...(byOid.get(oid) ?? []), column])
  return byOid
}

/** The columns of each relation that exists, under the key that `display` would give it: `schema.name`. */
export async function columnsOfRelations(
  db: Database,
  relations: RelationName[],
): Promise<Map<string, Column[]>> {
  if (relations.length === 0) return new Map()
  const found = await db
    .selectFrom('pg_catalog.pg_class as class')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'class.relnamespace')
    .select(['class.oid', 'class.relname', 'namespace.nspname'])
    .where((where) =>
      where.or(
        relations.map(({ schema, name }) =>
          where.and([where('namespace.nspname', '=', schema), where('class.relname', '=', name)]),
        ),
      ),
    )
    .execute()
  if (found.length === 0) return new Map()
  const columns = await listColumns(
    db,
    found.map(({ oid }) => oid),
  )
  return new Map(found.map((each) => [`${each.nspname}.${each.relname}`, columns.get(each.oid) ?? []]))
}

/** A role as which rows can be read, and how it relates to the table's policies. */
export interface EndRole {
  name: string
  /** The roles whose policies apply to it: itself, and those whose privileges it inherits. */
  inherits: string[]
  /** Policies never apply to it. */
  bypasses: boolean
  /** The session may act as it. */
  canAct: boolean
}

/**
 * The roles that may meet the table's policies: those that a policy names, those with a privilege on the
 * table, and the ones that Supabase gives every request. The owner is not among them. `policies` are all that
 * are compared, those of today and those that will be.
 */
export async function listEndRoles(db: Database, subject: Subject, policies: Policy[]): Promise<EndRole[]> {
  const named = [...new Set(policies.flatMap(({ roles }) => roles))]
  const { rows } = await sql<EndRole>`
    SELECT r.rolname::text AS name,
           r.rolsuper OR r.rolbypassrls AS bypasses,
           CASE WHEN current_setting('server_version_num')::int >= 160000
                THEN pg_catalog.pg_has_role(session_user, r.oid, 'SET')
                ELSE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER') END AS "canAct",
           ARRAY(SELECT p.rolname::text FROM pg_catalog.pg_roles p
                 WHERE p.rolname::text = ANY (${named}::text[]) AND pg_catalog.pg_has_role(r.oid, p.oid, 'USAGE'))
             AS inherits
    FROM pg_catalog.pg_roles r
    WHERE r.rolname::text = ANY (${named}::text[])
       OR r.rolname IN ('anon', 'authenticated', 'service_role')
       OR r.oid IN (
            SELECT a.grantee
            FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
            WHERE c.oid = ${subject.oid} AND a.grantee <> c.relowner)
    ORDER BY r.rolname <> 'authenticated', NOT r.rolname::text = ANY (${named}::text[]), r.rolname`.execute(
    db,
  )
  return rows
}

/**
 * A role that sees every row of the table: the session's own, the owner, or one with BYPASSRLS that the
 * session may act as; undefined where FORCE ROW LEVEL SECURITY leaves none.
 */
export async function findReader(db: Database, subject: Subject): Promise<string | undefined> {
  const { rows } = await sql<{ name: string }>`
    SELECT r.rolname::text AS name
    FROM pg_catalog.pg_roles r, pg_catalog.pg_class c
    WHERE c.oid = ${subject.oid}
      AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
      AND (r.rolsuper OR r.rolbypassrls OR NOT c.relrowsecurity
           OR NOT c.relforcerowsecurity AND pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE'))
      AND (r.rolsuper OR pg_catalog.has_table_privilege(r.oid, c.oid, 'SELECT'))
    ORDER BY r.rolname <> current_user, r.oid <> c.relowner, r.rolname
    LIMIT 1`.execute(db)
  return rows[0]?.name
}
