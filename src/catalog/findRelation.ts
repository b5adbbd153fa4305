import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A relation that holds rows or stands for some: table, partitioned table, view, foreign table ... */
export interface Relation {
  schema: string
  name: string
  /** `r` table, `p` partitioned table, `v` view, `m` materialized view, `f` foreign table ... as pg_class has it. */
  kind: string
  owner: string
  rowSecurity: boolean
  /** What `ALTER TABLE ... SET (...)` set, by name; empty where nothing is set. */
  storageParameters: Record<string, string>
  /** The planner's estimate; -1 where the table was never analyzed. */
  estimatedRows: number
}

/** The relation of that schema and name, or undefined. */
export async function findRelation(db: Database, name: RelationName): Promise<Relation | undefined> {
  const row = await db
    .selectFrom('pg_catalog.pg_class as class')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'class.relnamespace')
    .select([
      'namespace.nspname as schema',
      'class.relname as name',
      'class.relkind as kind',
      sql<string>`pg_catalog.pg_get_userbyid(class.relowner)`.as('owner'),
      'class.relrowsecurity as rowSecurity',
      'class.reloptions as options',
      'class.reltuples as estimatedRows',
    ])
    .where('namespace.nspname', '=', name.schema)
    .where('class.relname', '=', name.name)
    .executeTakeFirst()
  if (!row) return undefined
  const { options, ...relation } = row
  return { ...relation, storageParameters: parseOptions(options ?? []) }
}

/** Names of the columns that are not dropped, in their order. */
export async function listColumns(db: Database, table: RelationName): Promise<string[]> {
  const rows = await db
    .selectFrom('pg_catalog.pg_attribute as attribute')
    .innerJoin('pg_catalog.pg_class as class', 'class.oid', 'attribute.attrelid')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'class.relnamespace')
    .select('attribute.attname as name')
    .where('namespace.nspname', '=', table.schema)
    .where('class.relname', '=', table.name)
    .where('attribute.attnum', '>', 0)
    .where('attribute.attisdropped', '=', false)
    .orderBy('attribute.attnum')
    .execute()
  return rows.map((row) => row.name)
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
