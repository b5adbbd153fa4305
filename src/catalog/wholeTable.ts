import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import type { WholeMaterializedView } from './materializedViews.ts'
import { listMaterializedViews } from './materializedViews.ts'
import type { TableUsers } from './tableUsers.ts'
import { findTableUsers } from './tableUsers.ts'
import type { WholeColumn } from './wholeColumns.ts'
import { listColumns } from './wholeColumns.ts'
import type { WholeIndex } from './wholeIndexes.ts'
import { listIndexesOf } from './wholeIndexes.ts'

/** Everything that hangs on one table, in the words that make it again. Read it with an empty `search_path`. */
export interface WholeTable extends TableFacts, TableUsers {
  columns: WholeColumn[]
  constraints: WholeConstraint[]
  indexes: WholeIndex[]
  triggers: WholeTrigger[]
  policies: WholePolicy[]
  statistics: WholeStatistics[]
  sequences: OwnedSequence[]
  /** Those that read it by its oid, and those that read these; what is read comes first. */
  materializedViews: WholeMaterializedView[]
}

interface TableFacts extends RelationName {
  oid: number
  owner: string
  kind: 'r' | 'p'
  isLogged: boolean
  isTyped: boolean
  /** A partition, or a child by inheritance. */
  inherits: boolean
  /** Other tables inherit from it. */
  isInherited: boolean
  rowSecurity: boolean
  forcesRowSecurity: boolean
  replicaIdentity: 'd' | 'n' | 'f' | 'i'
  /** `name=value`, those of its TOAST table with `toast.` before the name. */
  storageParameters: string[]
  tablespace: string | null
  accessMethod: string
  comment: string | null
  /** Security labels on it or its columns. */
  hasLabels: boolean
  isExtensionOwned: boolean
  /** Rules other than those of views. */
  rules: string[]
}

export interface WholeConstraint {
  oid: number
  name: string
  kind: 'p' | 'u' | 'c' | 'f' | 'x' | 't'
  definition: string
  isValidated: boolean
  isDeferrable: boolean
  isInheritable: boolean
  columns: string[]
  /** The index that enforces it, of this table. */
  index: string | null
  references: RelationName | null
  comment: string | null
}

export interface WholeTrigger {
  name: string
  definition: string
  enabled: 'O' | 'D' | 'R' | 'A'
  forEachRow: boolean
  isBefore: boolean
  isConstraint: boolean
  /** It has transition tables, which row triggers of partitions may not have. */
  hasTransition: boolean
  events: ('INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE')[]
  comment: string | null
}

export interface WholePolicy {
  name: string
  command: 'ALL' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'
  isPermissive: boolean
  /** Empty for PUBLIC. */
  roles: string[]
  using: string | null
  check: string | null
  comment: string | null
}

export interface WholeStatistics extends RelationName {
  definition: string
  comment: string | null
}

/** A sequence that a column owns. */
export interface OwnedSequence extends RelationName {
  column: string
  isIdentity: boolean
  options: string
  grants: string[]
  comment: string | null
}

/** The table with everything on it, or undefined if there is no such table. */
export async function findWholeTable(db: Database, name: RelationName): Promise<WholeTable | undefined> {
  const facts = await findFacts(db, name)
  if (!facts) return undefined
  const { oid } = facts
  return {
    ...facts,
    columns: await listColumns(db, oid),
    constraints: await listConstraints(db, oid),
    indexes: await listIndexesOf(db, oid),
    triggers: await listTriggers(db, oid),
    policies: await listPoliciesOf(db, oid),
    statistics: await listStatistics(db, oid),
    sequences: await listSequences(db, oid),
    materializedViews: await listMaterializedViews(db, facts),
    ...(await findTableUsers(db, facts)),
  }
}

async function findFacts(db: Database, { schema, name }: RelationName): Promise<TableFacts | undefined> {
  const { rows } = await sql<TableFacts>`
    SELECT class.oid, namespace.nspname::text AS schema, class.relname::text AS name,
      pg_catalog.pg_get_userbyid(class.relowner)::text AS owner, class.relkind AS kind,
      class.relpersistence = 'p' AS "isLogged", class.reloftype <> 0 AS "isTyped",
      EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = class.oid) AS inherits,
      EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = class.oid) AS "isInherited",
      class.relrowsecurity AS "rowSecurity", class.relforcerowsecurity AS "forcesRowSecurity",
      class.relreplident AS "replicaIdentity",
      coalesce(class.reloptions, '{}') || ARRAY(
        SELECT 'toast.' || option FROM pg_catalog.pg_class toast, pg_catalog.unnest(toast.reloptions) option
        WHERE toast.oid = class.reltoastrelid) AS "storageParameters",
      (SELECT spcname::text FROM pg_catalog.pg_tablespace WHERE oid = class.reltablespace) AS tablespace,
      (SELECT amname::text FROM pg_catalog.pg_am WHERE oid = class.relam) AS "accessMethod",
      pg_catalog.obj_description(class.oid, 'pg_class') AS comment,
      EXISTS (SELECT FROM pg_catalog.pg_seclabel WHERE objoid = class.oid
        AND classoid = 'pg_catalog.pg_class'::pg_catalog.regclass) AS "hasLabels",
      EXISTS (SELECT FROM pg_catalog.pg_depend WHERE objid = class.oid AND deptype = 'e'
        AND classid = 'pg_catalog.pg_class'::pg_catalog.regclass) AS "isExtensionOwned",
      ARRAY(SELECT rulename::text FROM pg_catalog.pg_rewrite WHERE ev_class = class.oid ORDER BY 1) AS rules
    FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = ${schema} AND class.relname = ${name} AND class.relkind IN ('r', 'p')`.execute(
    db,
  )
  return rows[0]
}

async function listConstraints(db: Database, oid: number): Promise<WholeConstraint[]> {
  const { rows } = await sql<WholeConstraint>`
    SELECT con.oid, con.conname::text AS name, con.contype AS kind,
      pg_catalog.pg_get_constraintdef(con.oid) AS definition,
      con.convalidated AS "isValidated", con.condeferrable AS "isDeferrable",
      NOT con.connoinherit OR con.contype <> 'c' AS "isInheritable",
      ARRAY(SELECT attribute.attname::text
            FROM pg_catalog.unnest(con.conkey) WITH ORDINALITY part (attnum, place)
            JOIN pg_catalog.pg_attribute attribute
              ON attribute.attrelid = con.conrelid AND attribute.attnum = part.attnum
            ORDER BY part.place) AS columns,
      CASE WHEN con.contype IN ('p', 'u', 'x') THEN
        (SELECT relname::text FROM pg_catalog.pg_class WHERE pg_class.oid = con.conindid) END AS index,
      CASE WHEN con.confrelid <> 0 THEN
        (SELECT pg_catalog.json_build_object('schema', nspname, 'name', relname)
         FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace
           ON namespace.oid = class.relnamespace
         WHERE class.oid = con.confrelid) END AS "references",
      pg_catalog.obj_description(con.oid, 'pg_constraint') AS comment
    FROM pg_catalog.pg_constraint con
    WHERE con.conrelid = ${oid} AND con.contype <> 'n' AND con.conparentid = 0
    ORDER BY con.conname`.execute(db)
  return rows
}

async function listTriggers(db: Database, oid: number): Promise<WholeTrigger[]> {
  const { rows } = await sql<WholeTrigger>`
    SELECT tgname::text AS name, pg_catalog.pg_get_triggerdef(oid) AS definition, tgenabled AS "enabled",
      tgtype::int & 1 <> 0 AS "forEachRow", tgtype::int & 2 <> 0 AS "isBefore",
      tgconstraint <> 0 AS "isConstraint",
      tgoldtable IS NOT NULL OR tgnewtable IS NOT NULL AS "hasTransition",
      ARRAY(SELECT event FROM (VALUES (4, 'INSERT'), (8, 'DELETE'), (16, 'UPDATE'), (32, 'TRUNCATE')) known (bit, event)
            WHERE tgtype::int & bit <> 0) AS events,
      pg_catalog.obj_description(oid, 'pg_trigger') AS comment
    FROM pg_catalog.pg_trigger WHERE tgrelid = ${oid} AND NOT tgisinternal ORDER BY tgname`.execute(db)
  return rows
}

async function listPoliciesOf(db: Database, oid: number): Promise<WholePolicy[]> {
  const { rows } = await sql<WholePolicy>`
    SELECT polname::text AS name,
      CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
        ELSE 'ALL' END AS command,
      polpermissive AS "isPermissive",
      ARRAY(SELECT pg_catalog.pg_get_userbyid(role)::text FROM pg_catalog.unnest(polroles) role WHERE role <> 0) AS roles,
      pg_catalog.pg_get_expr(polqual, polrelid) AS "using",
      pg_catalog.pg_get_expr(polwithcheck, polrelid) AS "check",
      pg_catalog.obj_description(oid, 'pg_policy') AS comment
    FROM pg_catalog.pg_policy WHERE polrelid = ${oid} ORDER BY polname`.execute(db)
  return rows
}

async function listStatistics(db: Database, oid: number): Promise<WholeStatistics[]> {
  const { rows } = await sql<WholeStatistics>`
    SELECT namespace.nspname::text AS schema, stxname::text AS name,
      pg_catalog.pg_get_statisticsobjdef(statistics.oid) AS definition,
      pg_catalog.obj_description(statistics.oid, 'pg_statistic_ext') AS comment
    FROM pg_catalog.pg_statistic_ext statistics
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = statistics.stxnamespace
    WHERE stxrelid = ${oid} ORDER BY stxname`.execute(db)
  return rows
}

async function listSequences(db: Database, oid: number): Promise<OwnedSequence[]> {
  const { rows } = await sql<OwnedSequence>`
    SELECT namespace.nspname::text AS schema, class.relname::text AS name, attribute.attname::text AS "column",
      depend.deptype = 'i' AS "isIdentity",
      pg_catalog.format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s',
        sequence.seqincrement, sequence.seqmin, sequence.seqmax, sequence.seqstart, sequence.seqcache,
        CASE WHEN sequence.seqcycle THEN ' CYCLE' ELSE '' END) AS options,
      ARRAY(SELECT pg_catalog.format('GRANT %s ON SEQUENCE %I.%I TO %s%s', entry.privilege_type, namespace.nspname,
              class.relname, CASE WHEN entry.grantee = 0 THEN 'PUBLIC'
                ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(entry.grantee)) END,
              CASE WHEN entry.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
            FROM pg_catalog.aclexplode(class.relacl) entry WHERE entry.grantee <> class.relowner
            ORDER BY 1) AS grants,
      pg_catalog.obj_description(class.oid, 'pg_class') AS comment
    FROM pg_catalog.pg_depend depend
    JOIN pg_catalog.pg_class class ON class.oid = depend.objid AND class.relkind = 'S'
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_sequence sequence ON sequence.seqrelid = class.oid
    JOIN pg_catalog.pg_attribute attribute
      ON attribute.attrelid = depend.refobjid AND attribute.attnum = depend.refobjsubid
    WHERE depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND depend.refobjid = ${oid} AND depend.deptype IN ('a', 'i')
    ORDER BY class.relname`.execute(db)
  return rows
}
