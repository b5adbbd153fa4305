import type { ClientBase } from 'pg'
import { grantsIn, inUserSchema, rows } from './rows.ts'
import { describe, namedColumn, namedRelation, spreadOptions } from './schemaObject.ts'
import type { Grant, SchemaObjects } from './schemaObject.ts'

/**
 * Adds what pg-delta does not see of columns: position, statistics target, n_distinct, storage, compression and whether
 * a generated value is stored. Also adds the columns that a child table inherits, and the defaults, grants and comments
 * on columns of views.
 */
export async function describeColumns(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{
    schema: string
    table: string
    relkind: string
    name: string
    place: number
    isInherited: boolean
    type: string
    notNull: boolean
    default: string | null
    generated: 'stored' | 'virtual' | null
    statisticsTarget: number | null
    options: string[] | null
    storage: string | null
    compression: string | null
    comment: string | null
    grants: Grant[] | null
  }>(
    client,
    `SELECT n.nspname AS schema, c.relname AS table, c.relkind, a.attname AS name,
            pg_catalog.row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum)::int AS place,
            NOT a.attislocal AS "isInherited",
            pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "notNull",
            CASE WHEN a.atthasdef THEN pg_catalog.pg_get_expr(ad.adbin, ad.adrelid) END AS default,
            CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END AS generated,
            -- -1 before PostgreSQL 17, null since then: the server's default.
            nullif(a.attstattarget, -1) AS "statisticsTarget",
            a.attoptions AS options,
            CASE WHEN a.attstorage <> t.typstorage THEN
              CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
                                WHEN 'm' THEN 'main' ELSE 'extended' END END AS storage,
            CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
            CASE WHEN c.relkind IN ('v', 'm') OR NOT a.attislocal
                 THEN pg_catalog.col_description(c.oid, a.attnum) END AS comment,
            CASE WHEN a.attacl IS NOT NULL THEN ${grantsIn('a.attacl')} END AS grants
     FROM pg_catalog.pg_attribute a
     JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_catalog.pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'm', 'v', 'c', 'i', 'I')
       AND ${inUserSchema}
       AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_depend d
         WHERE d.deptype = 'e' AND (
           d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
           OR d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = c.reltype))`,
  )
  for (const column of found) {
    const relation = namedRelation(column.relkind, { schema: column.schema, name: column.table })
    const isTable = ['r', 'p', 'f'].includes(column.relkind)
    const isIndex = ['i', 'I'].includes(column.relkind)
    const isComposite = column.relkind === 'c'
    describe(
      objects,
      namedColumn(relation, column.name, isComposite ? 'attribute' : 'column'),
      {
        // The definition of a view or an index says these already.
        place: isTable || isComposite ? column.place : null,
        generated: column.generated,
        'statistics target': column.statisticsTarget,
        storage: isIndex ? null : column.storage,
        compression: isIndex ? null : column.compression,
        ...(isIndex ? {} : spreadOptions('option', column.options)),
        ...(isTable && column.isInherited
          ? { type: column.type, 'not null': column.notNull, inherited: true }
          : {}),
        ...(column.isInherited || !isTable
          ? { default: isIndex ? null : column.default, comment: column.comment }
          : {}),
      },
      { isListed: isTable || isComposite, grants: column.grants },
    )
  }
}
