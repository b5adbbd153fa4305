import type { Sql } from '../postgres/sql.ts'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A relation that holds rows or stands for some: table, partitioned table, view, foreign table ... */
export interface Relation extends RelationName {
  oid: number
  /** `r` table, `p` partitioned table, `v` view, `m` materialized view, `f` foreign table ... as pg_class has it. */
  kind: string
  owner: string
  /** The session's role is the owner or a member of it: it may alter the relation and its policies. */
  isOurs: boolean
  rowSecurity: boolean
  /** FORCE ROW LEVEL SECURITY: policies apply to the owner too. */
  forcesRowSecurity: boolean
  /** What `ALTER TABLE ... SET (...)` set, by name; empty where nothing is set. */
  storageParameters: Record<string, string>
  /** A view that reads its tables with the rights of the role that queries it. */
  isSecurityInvoker: boolean
  /** Reading it reads the rows of other tables too, which inherit from it and have unique keys of their own. */
  hasChildren: boolean
  /** The planner's count; null where the table was never analyzed. */
  estimatedRows: number | null
}

/** Every table, view and foreign table outside of the system's schemas, by schema and name. */
export async function listRelations(db: Database): Promise<Relation[]> {
  return selectRelations(db, holdsRows)
}

/** Those with one of these names, in any schema. */
export async function findRelationsNamed(db: Database, names: string[]): Promise<Relation[]> {
  return selectRelations(db, sql`${holdsRows} AND class.relname = ANY (${names}::name[])`)
}

/** The relation of that schema and name, or undefined; indexes and sequences are relations too. */
export async function findRelation(db: Database, name: RelationName): Promise<Relation | undefined> {
  const [found] = await selectRelations(
    db,
    sql`namespace.nspname = ${name.schema} AND class.relname = ${name.name}`,
  )
  return found
}

const holdsRows = sql`class.relkind IN ('r', 'p', 'v', 'm', 'f') AND class.relpersistence <> 't'
  AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'`

async function selectRelations(db: Database, condition: Sql<unknown>): Promise<Relation[]> {
  const { rows } = await sql<
    Omit<Relation, 'storageParameters' | 'isSecurityInvoker'> & { options: string[] }
  >`
    SELECT class.oid, namespace.nspname::text AS schema, class.relname::text AS name, class.relkind::text AS kind,
      pg_catalog.pg_get_userbyid(class.relowner)::text AS owner,
      pg_catalog.pg_has_role(class.relowner, 'USAGE') AS "isOurs",
      class.relrowsecurity AS "rowSecurity", class.relforcerowsecurity AS "forcesRowSecurity",
      coalesce(class.reloptions, '{}') AS options,
      class.relkind = 'r' AND class.relhassubclass AS "hasChildren",
      CASE WHEN class.reltuples >= 0 THEN class.reltuples END AS "estimatedRows"
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE ${condition}
    ORDER BY 2, 3`.execute(db)
  return rows.map(({ options, ...relation }) => {
    const storageParameters = parseOptions(options)
    const invoker = storageParameters['security_invoker']?.toLowerCase()
    return {
      ...relation,
      storageParameters,
      isSecurityInvoker: invoker !== undefined && ['true', 'on', 'yes', '1'].includes(invoker),
    }
  })
}

/** `['fillfactor=90']` -> `{ fillfactor: '90' }` */
export function parseOptions(options: string[]): Record<string, string> {
  return Object.fromEntries(
    options.map((option) => {
      const at = option.indexOf('=')
      return [option.slice(0, at), option.slice(at + 1)]
    }),
  )
}
