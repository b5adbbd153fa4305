import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

export interface PartitionKey {
  /** `r` range, `l` list, `h` hash. */
  strategy: 'r' | 'l' | 'h'
  columns: string[]
}

/** By what a table is partitioned; undefined if it is not. */
export async function findPartitionKey(
  db: Database,
  { schema, name }: RelationName,
): Promise<PartitionKey | undefined> {
  const { rows } = await sql<PartitionKey>`
    SELECT partitioned.partstrat AS strategy,
      ARRAY(SELECT coalesce(attribute.attname::text, '')
            FROM pg_catalog.unnest(partitioned.partattrs::int2[]) WITH ORDINALITY part (attnum, place)
            LEFT JOIN pg_catalog.pg_attribute attribute
              ON attribute.attrelid = partitioned.partrelid AND attribute.attnum = part.attnum
            ORDER BY part.place) AS columns
    FROM pg_catalog.pg_partitioned_table partitioned
    JOIN pg_catalog.pg_class class ON class.oid = partitioned.partrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = ${schema} AND class.relname = ${name}`.execute(db)
  return rows[0]
}
