import type { Sql } from '../postgres/sql.ts'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A column of a table, view or foreign table. */
export interface Column {
  /** `attnum`: its position among all columns that the table ever had. */
  number: number
  name: string
  /** The name as PostgreSQL prints it: quoted where it must be. */
  quoted: string
  /** As `format_type` prints it: `uuid`, `numeric(10,2)`, `public.status`. */
  type: string
  notNull: boolean
  isDomain: boolean
  /** A table above has it too: a parent, or the table of a partition. */
  isInherited: boolean
  /** It is part of the primary key. */
  isKey: boolean
  /** The labels of an enum, in their order; null for other types. */
  labels: string[] | null
  /** Oid of its collation; 0 for a type that has none. */
  collation: number
  /** Its collation is nondeterministic: different texts may be equal. */
  isNondeterministic: boolean
}

/** The columns of every relation outside of the system's schemas, in their order, by the relation's oid. */
export async function listColumns(db: Database): Promise<Map<number, Column[]>> {
  return selectColumns(db, notOfTheSystem)
}

/** The same, only for relations with one of these names, in any schema. */
export async function findColumnsNamed(db: Database, relations: string[]): Promise<Map<number, Column[]>> {
  return selectColumns(db, sql`${notOfTheSystem} AND class.relname = ANY (${relations}::name[])`)
}

/** The columns of one relation, in their order; none if it does not exist. */
export async function findColumns(db: Database, { schema, name }: RelationName): Promise<Column[]> {
  const found = await selectColumns(db, sql`namespace.nspname = ${schema} AND class.relname = ${name}`)
  return [...found.values()].flat()
}

const notOfTheSystem = sql`class.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'`

async function selectColumns(db: Database, condition: Sql<unknown>): Promise<Map<number, Column[]>> {
  const { rows } = await sql<Column & { oid: number }>`
    SELECT attribute.attrelid AS oid, attribute.attnum AS number, attribute.attname::text AS name,
      pg_catalog.quote_ident(attribute.attname) AS quoted,
      pg_catalog.format_type(attribute.atttypid, attribute.atttypmod) AS type, attribute.attnotnull AS "notNull",
      type.typtype = 'd' AS "isDomain", attribute.attinhcount > 0 AS "isInherited",
      coalesce(attribute.attnum = ANY (key.indkey), false) AS "isKey", enum.labels,
      attribute.attcollation AS collation,
      coalesce(NOT collation_of.collisdeterministic, false) AS "isNondeterministic"
    FROM pg_catalog.pg_attribute attribute
    JOIN pg_catalog.pg_class class ON class.oid = attribute.attrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_type type ON type.oid = attribute.atttypid
    LEFT JOIN pg_catalog.pg_index key ON key.indrelid = attribute.attrelid AND key.indisprimary
    LEFT JOIN (
      SELECT enumtypid, pg_catalog.array_agg(enumlabel::text ORDER BY enumsortorder) AS labels
      FROM pg_catalog.pg_enum GROUP BY enumtypid
    ) enum ON enum.enumtypid = attribute.atttypid
    LEFT JOIN pg_catalog.pg_collation collation_of ON collation_of.oid = attribute.attcollation
    WHERE attribute.attnum > 0 AND NOT attribute.attisdropped AND ${condition}
    ORDER BY attribute.attrelid, attribute.attnum`.execute(db)
  const byRelation = new Map<number, Column[]>()
  for (const { oid, ...column } of rows) {
    const known = byRelation.get(oid)
    if (known) known.push(column)
    else byRelation.set(oid, [column])
  }
  return byRelation
}
