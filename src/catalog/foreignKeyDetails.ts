import type { Sql } from '../postgres/sql.ts'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { lockedRelations } from './lockedRelations.ts'

export type ForeignKeyAction = 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT'

/** A foreign key with everything that decides what it enforces and what it does. */
export interface ForeignKeyDetails {
  oid: number
  name: string
  table: RelationName
  tableOid: number
  references: RelationName
  referencesOid: number
  /** In the key's order. */
  columns: ForeignKeyColumn[]
  match: 'SIMPLE' | 'FULL'
  onDelete: ForeignKeyAction
  onUpdate: ForeignKeyAction
  /** `ON DELETE SET NULL (a, b)`: the numbers of the columns that are set; empty for all. */
  setColumns: number[]
  isDeferrable: boolean
  isDeferred: boolean
  isValidated: boolean
  /** False for NOT ENFORCED, from PostgreSQL 18 on. */
  isEnforced: boolean
  /** The last pair of columns are periods, from PostgreSQL 18 on. */
  hasPeriod: boolean
  /** One of the two tables is partitioned. */
  isPartitioned: boolean
  comment: string | null
  isExtensionOwned: boolean
  /** The session's role may drop it and add it again. */
  isOurs: boolean
  /** The trigger that acts when a referenced row is deleted; PostgreSQL fires them in the order of their names. */
  deleteTrigger: string | null
  /** That trigger waits for the end of the transaction. */
  deletesDeferred: boolean
  /** One of its triggers was disabled: it does not enforce what it says. */
  isSilenced: boolean
}

export interface ForeignKeyColumn {
  name: string
  number: number
  /** NOT NULL, by the column or by its domain. */
  notNull: boolean
  references: string
  referencesNumber: number
}

/** Every foreign key that was declared, in one query; a partition's copy of its parent's key is left out. */
export async function listForeignKeyDetails(db: Database): Promise<ForeignKeyDetails[]> {
  return selectDetails(db, sql`true`)
}

/** Those of one table. */
export async function findForeignKeysOf(
  db: Database,
  { schema, name }: RelationName,
): Promise<ForeignKeyDetails[]> {
  return selectDetails(db, sql`namespace.nspname = ${schema} AND class.relname = ${name}`)
}

/** Definitions as `pg_get_constraintdef` prints them, by oid; without those of tables that another session locks. */
export async function defineConstraints(db: Database, oids: number[]): Promise<Map<number, string>> {
  if (oids.length === 0) return new Map()
  const { rows } = await sql<{ oid: number; definition: string }>`
    SELECT oid, pg_catalog.pg_get_constraintdef(oid) AS definition FROM pg_catalog.pg_constraint
    WHERE oid = ANY (${oids}::oid[]) AND conrelid NOT IN (SELECT oid FROM ${lockedRelations} locked)`.execute(
    db,
  )
  return new Map(rows.map(({ oid, definition }) => [oid, definition]))
}

const action = (column: string): Sql<unknown> =>
  sql`CASE ${sql.raw(column)} WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
    WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END`

async function selectDetails(db: Database, condition: Sql<unknown>): Promise<ForeignKeyDetails[]> {
  const { rows } = await sql<ForeignKeyDetails>`
    WITH RECURSIVE domain AS (
      SELECT oid, typbasetype AS base, typnotnull AS not_null FROM pg_catalog.pg_type WHERE typtype = 'd'
      UNION ALL
      SELECT domain.oid, type.typbasetype, type.typnotnull FROM domain
      JOIN pg_catalog.pg_type type ON type.oid = domain.base AND type.typtype = 'd'
    ),
    owned AS MATERIALIZED (
      SELECT objid FROM pg_catalog.pg_depend
      WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND deptype = 'e'
    ),
    fired AS MATERIALIZED (
      SELECT tgconstraint, pg_catalog.bool_or(tgenabled <> 'O') AS is_silenced,
        pg_catalog.min(tgname::text COLLATE "C") FILTER (WHERE tgtype & 8 <> 0) AS delete_trigger,
        pg_catalog.bool_or(tginitdeferred) FILTER (WHERE tgtype & 8 <> 0) AS deletes_deferred
      FROM pg_catalog.pg_trigger WHERE tgconstraint <> 0 GROUP BY tgconstraint
    )
    SELECT con.oid, con.conname AS name, class.oid AS "tableOid", referenced.oid AS "referencesOid",
      pg_catalog.json_build_object('schema', namespace.nspname, 'name', class.relname) AS "table",
      pg_catalog.json_build_object('schema', referenced_namespace.nspname, 'name', referenced.relname) AS "references",
      parts.columns,
      CASE con.confmatchtype WHEN 'f' THEN 'FULL' ELSE 'SIMPLE' END AS match,
      ${action('con.confdeltype')} AS "onDelete", ${action('con.confupdtype')} AS "onUpdate",
      coalesce(nullif(pg_catalog.to_jsonb(con) -> 'confdelsetcols', 'null'), '[]') AS "setColumns",
      con.condeferrable AS "isDeferrable", con.condeferred AS "isDeferred", con.convalidated AS "isValidated",
      coalesce((pg_catalog.to_jsonb(con) ->> 'conenforced')::boolean, true) AS "isEnforced",
      coalesce((pg_catalog.to_jsonb(con) ->> 'conperiod')::boolean, false) AS "hasPeriod",
      'p' IN (class.relkind, referenced.relkind) AS "isPartitioned",
      pg_catalog.obj_description(con.oid, 'pg_constraint') AS comment,
      class.oid IN (SELECT objid FROM owned) AS "isExtensionOwned",
      pg_catalog.pg_has_role(class.relowner, 'USAGE')
        AND pg_catalog.has_table_privilege(referenced.oid, 'REFERENCES') AS "isOurs",
      fired.delete_trigger AS "deleteTrigger", coalesce(fired.deletes_deferred, false) AS "deletesDeferred",
      coalesce(fired.is_silenced, false) AS "isSilenced"
    FROM pg_catalog.pg_constraint con
    JOIN pg_catalog.pg_class class ON class.oid = con.conrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_class referenced ON referenced.oid = con.confrelid
    JOIN pg_catalog.pg_namespace referenced_namespace ON referenced_namespace.oid = referenced.relnamespace
    LEFT JOIN fired ON fired.tgconstraint = con.oid
    CROSS JOIN LATERAL (
      SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', own.attname, 'number', own.attnum,
        'notNull', own.attnotnull
          OR EXISTS (SELECT FROM domain WHERE domain.oid = own.atttypid AND domain.not_null),
        'references', other.attname, 'referencesNumber', other.attnum) ORDER BY part.place) AS columns
      FROM pg_catalog.unnest(con.conkey) WITH ORDINALITY part (attnum, place)
      JOIN pg_catalog.pg_attribute own ON own.attrelid = con.conrelid AND own.attnum = part.attnum
      JOIN pg_catalog.pg_attribute other
        ON other.attrelid = con.confrelid AND other.attnum = con.confkey[part.place]
    ) parts
    WHERE con.contype = 'f' AND con.conparentid = 0 AND ${condition}
    ORDER BY namespace.nspname, class.relname, con.conname`.execute(db)
  return rows
}
