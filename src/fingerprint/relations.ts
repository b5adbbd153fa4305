import type { ClientBase } from 'pg'
import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { grantsIn, inUserSchema, madeByUser, rows } from './rows.ts'
import { describe, namedOn, namedRelation, spreadOptions } from './schemaObject.ts'
import type { Grant, ObjectName, SchemaObjects } from './schemaObject.ts'

/**
 * Adds what pg-delta does not see of a relation: where and how it is stored, storage parameters of its TOAST table, all
 * parents, the CLUSTER mark, and the indexes of constraints and partitions.
 */
export async function describeRelations(client: ClientBase, objects: SchemaObjects): Promise<void> {
  await describeStorage(client, objects)
  await describeIndexes(client, objects)
  await describeNotNullConstraints(client, objects)
  await describeSilencedTriggers(client, objects)
}

async function describeStorage(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{
    schema: string
    name: string
    relkind: string
    accessMethod: string | null
    tablespace: string | null
    ofType: string | null
    isUnlogged: boolean
    toastOptions: string[] | null
    parents: RelationName[] | null
    detachPending: boolean
    identityGrants: Grant[] | null
  }>(
    client,
    `SELECT n.nspname AS schema, c.relname AS name, c.relkind,
            nullif(am.amname, 'heap') AS "accessMethod", ts.spcname AS tablespace,
            CASE WHEN c.reloftype <> 0 THEN pg_catalog.format_type(c.reloftype, NULL) END AS "ofType",
            c.relkind = 'S' AND c.relpersistence = 'u' AS "isUnlogged",
            (SELECT pg_catalog.array_agg(o ORDER BY o) FROM pg_catalog.unnest(toast.reloptions) o) AS "toastOptions",
            inherited.parents, coalesce(inherited.detach_pending, false) AS "detachPending",
            CASE WHEN c.relkind = 'S' AND identity.objid IS NOT NULL THEN ${grantsIn('c.relacl')} END AS "identityGrants"
     FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
     LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
     LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid
     LEFT JOIN (
       SELECT i.inhrelid, pg_catalog.bool_or(i.inhdetachpending) AS detach_pending,
              pg_catalog.json_agg(pg_catalog.json_build_object('schema', pn.nspname, 'name', p.relname)
                                  ORDER BY i.inhseqno) AS parents
       FROM pg_catalog.pg_inherits i
       JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
       JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
       GROUP BY 1) inherited ON inherited.inhrelid = c.oid
     LEFT JOIN (
       SELECT DISTINCT objid FROM pg_catalog.pg_depend
       WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND deptype = 'i') identity ON identity.objid = c.oid
     WHERE c.relkind IN ('r', 'p', 'm', 'f', 'S') AND ${inUserSchema}
       AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_depend d
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')`,
  )
  for (const relation of found) {
    describe(
      objects,
      namedRelation(relation.relkind, relation),
      {
        'access method': relation.accessMethod,
        tablespace: relation.tablespace,
        'of type': relation.ofType,
        unlogged: relation.isUnlogged || null,
        'inherits from': relation.parents?.map(display),
        'detach pending': relation.detachPending || null,
        ...spreadOptions(
          'storage parameter',
          relation.toastOptions?.map((option) => `toast.${option}`) ?? null,
        ),
      },
      { grants: relation.identityGrants },
    )
  }
}

/**
 * pg-delta knows the indexes that somebody created. This adds those of constraints, those that a partitioned index made
 * on its partitions, and, for all of them, what the definition does not say.
 */
async function describeIndexes(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{
    schema: string
    name: string
    table: RelationName & { relkind: string }
    definition: string
    ofConstraint: boolean
    attachedTo: RelationName | null
    options: string[] | null
    tablespace: string | null
    isClustered: boolean
    isValid: boolean
    isReady: boolean
    comment: string | null
  }>(
    client,
    `SELECT n.nspname AS schema, c.relname AS name,
            pg_catalog.json_build_object('schema', tn.nspname, 'name', t.relname, 'relkind', t.relkind) AS table,
            pg_catalog.pg_get_indexdef(c.oid) AS definition,
            constrained.conindid IS NOT NULL AS "ofConstraint",
            CASE WHEN p.oid IS NOT NULL
                 THEN pg_catalog.json_build_object('schema', pn.nspname, 'name', p.relname) END AS "attachedTo",
            c.reloptions AS options, ts.spcname AS tablespace,
            i.indisclustered AS "isClustered", i.indisvalid AS "isValid", i.indisready AS "isReady",
            pg_catalog.obj_description(c.oid, 'pg_class') AS comment
     FROM pg_catalog.pg_index i
     JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
     JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
     LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
     LEFT JOIN pg_catalog.pg_inherits ih ON ih.inhrelid = c.oid
     LEFT JOIN pg_catalog.pg_class p ON p.oid = ih.inhparent
     LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
     LEFT JOIN (
       SELECT DISTINCT conindid FROM pg_catalog.pg_constraint WHERE contype IN ('p', 'u', 'x')) constrained
       ON constrained.conindid = c.oid
     WHERE t.relkind IN ('r', 'p', 'm') AND ${inUserSchema}
       AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_depend d
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e')`,
  )
  for (const { table, ...index } of found) {
    const onTable = namedOn('index', index.name, namedRelation(table.relkind, table))
    const named: ObjectName = { ...namedRelation('i', index), parent: onTable.parent }
    describe(
      objects,
      named,
      {
        definition: index.ofConstraint ? null : index.definition,
        valid: index.ofConstraint && index.isValid ? null : index.isValid,
        ready: index.isReady ? null : false,
        'attached to': index.attachedTo && display(index.attachedTo),
        'clustered on': index.isClustered || null,
        tablespace: index.tablespace,
        comment: index.comment,
        // The definition of an index that belongs to no constraint says these.
        ...(index.ofConstraint ? spreadOptions('storage parameter', index.options) : {}),
      },
      { isListed: !index.ofConstraint },
    )
  }
}

/** Names and states of NOT NULL constraints, which have catalog rows of their own since PostgreSQL 18. */
async function describeNotNullConstraints(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{
    schema: string
    table: string
    relkind: string
    name: string
    definition: string
    comment: string | null
  }>(
    client,
    `SELECT n.nspname AS schema, t.relname AS table, t.relkind, con.conname AS name,
            pg_catalog.pg_get_constraintdef(con.oid) AS definition,
            pg_catalog.obj_description(con.oid, 'pg_constraint') AS comment
     FROM pg_catalog.pg_constraint con
     JOIN pg_catalog.pg_class t ON t.oid = con.conrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
     WHERE con.contype = 'n' AND con.conislocal AND ${inUserSchema} AND ${madeByUser('pg_class', 't.oid')}`,
  )
  for (const { name, definition, comment, ...table } of found) {
    const relation = namedRelation(table.relkind, { schema: table.schema, name: table.table })
    describe(objects, namedOn('constraint', name, relation), { definition, comment }, { isListed: true })
  }
}

/** Triggers of foreign keys, and those that a partition has from its parent, if somebody changed when they fire. */
async function describeSilencedTriggers(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{
    schema: string
    table: string
    relkind: string
    name: string
    firing: string
    isOfConstraint: boolean
  }>(
    client,
    `SELECT n.nspname AS schema, t.relname AS table, t.relkind,
            coalesce(con.conname, tg.tgname) AS name, con.oid IS NOT NULL AS "isOfConstraint",
            pg_catalog.string_agg(DISTINCT CASE tg.tgenabled
              WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' ELSE 'always' END, ', ') AS firing
     FROM pg_catalog.pg_trigger tg
     JOIN pg_catalog.pg_class t ON t.oid = tg.tgrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
     LEFT JOIN pg_catalog.pg_constraint con ON con.oid = tg.tgconstraint AND tg.tgisinternal
     WHERE (tg.tgisinternal OR tg.tgparentid <> 0) AND tg.tgenabled <> 'O' AND ${inUserSchema}
     GROUP BY 1, 2, 3, 4, 5`,
  )
  for (const trigger of found) {
    const relation = namedRelation(trigger.relkind, { schema: trigger.schema, name: trigger.table })
    const named = namedOn(trigger.isOfConstraint ? 'constraint' : 'trigger', trigger.name, relation)
    describe(objects, named, { [trigger.isOfConstraint ? 'enforcing triggers' : 'enabled']: trigger.firing })
  }
}
