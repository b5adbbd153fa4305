import type { ClientBase } from 'pg'
import { inUserSchema, madeByUser, rows } from './rows.ts'
import { describe, keyOf, namedInSchema, namedRelation } from './schemaObject.ts'
import type { SchemaObjects } from './schemaObject.ts'

/** Adds extended statistics (`CREATE STATISTICS`), which pg-delta only counts. */
export async function describeStatisticsObjects(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{
    schema: string
    name: string
    tableSchema: string
    tableName: string
    relkind: string
    definition: string
    statisticsTarget: number | null
    owner: string
    comment: string | null
  }>(
    client,
    `SELECT n.nspname AS schema, s.stxname AS name,
            tn.nspname AS "tableSchema", t.relname AS "tableName", t.relkind,
            pg_catalog.pg_get_statisticsobjdef(s.oid) AS definition,
            nullif(s.stxstattarget, -1) AS "statisticsTarget", r.rolname AS owner,
            pg_catalog.obj_description(s.oid, 'pg_statistic_ext') AS comment
     FROM pg_catalog.pg_statistic_ext s
     JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
     JOIN pg_catalog.pg_class t ON t.oid = s.stxrelid
     JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
     JOIN pg_catalog.pg_roles r ON r.oid = s.stxowner
     WHERE ${inUserSchema} AND ${madeByUser('pg_statistic_ext', 's.oid')}`,
  )
  for (const statistics of found) {
    const table = namedRelation(statistics.relkind, {
      schema: statistics.tableSchema,
      name: statistics.tableName,
    })
    describe(
      objects,
      { ...namedInSchema('statistics', statistics), parent: keyOf(table) },
      {
        definition: statistics.definition,
        'statistics target': statistics.statisticsTarget,
        comment: statistics.comment,
      },
      { isListed: true, owner: statistics.owner },
    )
  }
}
