import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** An index as the catalog describes it. */
export interface Index {
  schema: string
  name: string
  table: RelationName
  /** As `pg_get_indexdef` prints it; names are qualified where `search_path` is empty. */
  definition: string
  /** False after a concurrent build that failed: the planner ignores it, writes still pay for it. */
  isValid: boolean
  isUnique: boolean
  sizeBytes: number
}

/** The index of that schema and name, or undefined. A table of that name is no index. */
export async function findIndex(db: Database, index: RelationName): Promise<Index | undefined> {
  const [found] = await selectIndexes(db)
    .where('namespace.nspname', '=', index.schema)
    .where('class.relname', '=', index.name)
    .execute()
  return found && toIndex(found)
}

function selectIndexes(db: Database) {
  return db
    .selectFrom('pg_catalog.pg_index as index')
    .innerJoin('pg_catalog.pg_class as class', 'class.oid', 'index.indexrelid')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'class.relnamespace')
    .innerJoin('pg_catalog.pg_class as table', 'table.oid', 'index.indrelid')
    .innerJoin('pg_catalog.pg_namespace as table_namespace', 'table_namespace.oid', 'table.relnamespace')
    .select([
      'namespace.nspname as schema',
      'class.relname as name',
      'table_namespace.nspname as tableSchema',
      'table.relname as tableName',
      'index.indisvalid as isValid',
      'index.indisunique as isUnique',
      sql<string>`pg_catalog.pg_get_indexdef(index.indexrelid)`.as('definition'),
      sql<string>`pg_catalog.pg_relation_size(index.indexrelid)`.as('sizeBytes'),
    ])
}

function toIndex(row: {
  schema: string
  name: string
  tableSchema: string
  tableName: string
  isValid: boolean
  isUnique: boolean
  definition: string
  sizeBytes: string
}): Index {
  return {
    schema: row.schema,
    name: row.name,
    table: { schema: row.tableSchema, name: row.tableName },
    definition: row.definition,
    isValid: row.isValid,
    isUnique: row.isUnique,
    sizeBytes: Number(row.sizeBytes),
  }
}
