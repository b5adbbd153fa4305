import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** What others have of a table: privileges, keys, and what is written in terms of it. */
export interface TableUsers {
  grants: Grant[]
  publications: Publication[]
  /** Foreign keys that point to it, its own among them. */
  keysIn: KeyIn[]
  /** Plain views that read it by its oid. */
  views: DependentView[]
  /** Policies of other tables that read it. */
  readers: ReadingPolicy[]
  functions: DependentFunction[]
  /** What else depends on it, as PostgreSQL describes it. */
  others: string[]
}

/** One privilege; of a column where one is named. */
export interface Grant {
  /** `ALL` for all that this version knows: what is written of it can then run on another one. */
  privilege: string
  column: string | null
  /** Null for PUBLIC. */
  grantee: string | null
  grantor: string
  isGrantable: boolean
}

export interface Publication {
  name: string
  owner: string
  /** It names the table; otherwise it is of all tables, or of the schema's. */
  namesTable: boolean
  /** Changes of partitions are published as changes of the partitioned table. */
  viaRoot: boolean
  /** Of UPDATE or DELETE, for which it needs the columns of the replica identity. */
  publishesChanges: boolean
  /** Null for all columns. */
  columns: string[] | null
  filter: string | null
}

export interface KeyIn {
  table: RelationName
  name: string
  columns: string[]
  referenced: string[]
  onUpdate: KeyAction
  onDelete: KeyAction
  matchesFull: boolean
  isDeferrable: boolean
  isDeferred: boolean
  isValidated: boolean
  definition: string
  comment: string | null
  /** `r`, or `p` where the referencing table is partitioned. */
  tableKind: string
}

export type KeyAction = 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT'

export interface DependentView extends RelationName {
  owner: string
  query: string
  options: string[]
}

export interface ReadingPolicy {
  table: RelationName
  name: string
  using: string | null
  check: string | null
}

export interface DependentFunction {
  /** `public.f(integer)` */
  signature: string
  /** CREATE OR REPLACE, as PostgreSQL prints it. */
  definition: string
  owner: string
  /** The table's row type is one of its arguments' or its result's, so it cannot be replaced in place. */
  hasRowType: boolean
  grants: string[]
  isClosed: boolean
  comment: string | null
  /** Something else depends on it. */
  isUsed: boolean
}

export async function findTableUsers(
  db: Database,
  table: RelationName & { oid: number },
): Promise<TableUsers> {
  const { oid } = table
  return {
    grants: await listGrants(db, oid),
    publications: await listPublications(db, oid),
    keysIn: await listKeysIn(db, oid),
    views: await listViews(db, oid),
    readers: await listReaders(db, oid),
    functions: await listFunctions(db, oid),
    others: await listOthers(db, oid),
  }
}

/** Every privilege that somebody other than the owner has, and those that the owner has lost count as absent. */
async function listGrants(db: Database, oid: number): Promise<Grant[]> {
  const { rows } = await sql<Grant>`
    SELECT DISTINCT
      CASE WHEN pg_catalog.count(*) OVER (
          PARTITION BY source."column", entry.grantor, entry.grantee, entry.is_grantable) = source.every
        THEN 'ALL' ELSE entry.privilege_type END AS privilege,
      source."column",
      CASE WHEN entry.grantee <> 0 THEN pg_catalog.pg_get_userbyid(entry.grantee)::text END AS grantee,
      pg_catalog.pg_get_userbyid(entry.grantor)::text AS grantor, entry.is_grantable AS "isGrantable"
    FROM (
      SELECT NULL::text AS "column", coalesce(relacl, pg_catalog.acldefault('r', relowner)) AS acl,
        (SELECT pg_catalog.count(*) FROM pg_catalog.aclexplode(pg_catalog.acldefault('r', relowner))) AS every
      FROM pg_catalog.pg_class WHERE oid = ${oid}
      UNION ALL
      SELECT attname::text, attacl, NULL FROM pg_catalog.pg_attribute
      WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped AND attacl IS NOT NULL
    ) source, pg_catalog.aclexplode(source.acl) entry
    ORDER BY 2 NULLS FIRST, 4, 3 NULLS FIRST, 1`.execute(db)
  return rows
}

async function listPublications(db: Database, oid: number): Promise<Publication[]> {
  const { rows } = await sql<Publication>`
    SELECT publication.pubname::text AS name, pg_catalog.pg_get_userbyid(publication.pubowner)::text AS owner,
      member.prrelid IS NOT NULL AS "namesTable", publication.pubviaroot AS "viaRoot",
      publication.pubupdate OR publication.pubdelete AS "publishesChanges",
      CASE WHEN pg_catalog.jsonb_typeof(pg_catalog.to_jsonb(member) -> 'prattrs') = 'array' THEN
        ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
              WHERE attrelid = ${oid}
                AND pg_catalog.to_jsonb(member) -> 'prattrs' @> pg_catalog.to_jsonb(attnum)
              ORDER BY attnum) END AS columns,
      pg_catalog.to_jsonb(published) ->> 'rowfilter' AS filter
    FROM pg_catalog.pg_publication publication
    LEFT JOIN pg_catalog.pg_publication_rel member ON member.prpubid = publication.oid AND member.prrelid = ${oid}
    LEFT JOIN (
      SELECT listed.*, class.oid FROM pg_catalog.pg_publication_tables listed
      JOIN pg_catalog.pg_namespace namespace ON namespace.nspname = listed.schemaname
      JOIN pg_catalog.pg_class class ON class.relnamespace = namespace.oid AND class.relname = listed.tablename
    ) published ON published.pubname = publication.pubname AND published.oid = ${oid}
    WHERE member.prrelid IS NOT NULL OR published.oid IS NOT NULL
    ORDER BY publication.pubname`.execute(db)
  return rows
}

async function listKeysIn(db: Database, oid: number): Promise<KeyIn[]> {
  const names = (side: 'conkey' | 'confkey', relation: 'conrelid' | 'confrelid') => sql`
    ARRAY(SELECT attribute.attname::text
          FROM pg_catalog.unnest(${sql.ref(`con.${side}`)}) WITH ORDINALITY part (attnum, place)
          JOIN pg_catalog.pg_attribute attribute
            ON attribute.attrelid = ${sql.ref(`con.${relation}`)} AND attribute.attnum = part.attnum
          ORDER BY part.place)`
  const action = (column: 'confupdtype' | 'confdeltype') => sql`
    CASE ${sql.ref(`con.${column}`)} WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
      WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END`
  const { rows } = await sql<KeyIn>`
    SELECT pg_catalog.json_build_object('schema', namespace.nspname, 'name', class.relname) AS "table",
      con.conname::text AS name, ${names('conkey', 'conrelid')} AS columns,
      ${names('confkey', 'confrelid')} AS referenced,
      ${action('confupdtype')} AS "onUpdate", ${action('confdeltype')} AS "onDelete",
      con.confmatchtype = 'f' AS "matchesFull", con.condeferrable AS "isDeferrable",
      con.condeferred AS "isDeferred", con.convalidated AS "isValidated",
      pg_catalog.pg_get_constraintdef(con.oid) AS definition,
      pg_catalog.obj_description(con.oid, 'pg_constraint') AS comment, class.relkind AS "tableKind"
    FROM pg_catalog.pg_constraint con
    JOIN pg_catalog.pg_class class ON class.oid = con.conrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE con.confrelid = ${oid} AND con.contype = 'f' AND con.conparentid = 0
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = con.conrelid AND inhparent = ${oid})
    ORDER BY namespace.nspname, class.relname, con.conname`.execute(db)
  return rows
}

async function listViews(db: Database, oid: number): Promise<DependentView[]> {
  const { rows } = await sql<DependentView>`
    SELECT DISTINCT namespace.nspname::text AS schema, class.relname::text AS name,
      pg_catalog.pg_get_userbyid(class.relowner)::text AS owner,
      pg_catalog.pg_get_viewdef(class.oid) AS query, coalesce(class.reloptions, '{}') AS options
    FROM pg_catalog.pg_depend depend
    JOIN pg_catalog.pg_rewrite rule ON rule.oid = depend.objid
    JOIN pg_catalog.pg_class class ON class.oid = rule.ev_class AND class.relkind = 'v'
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE depend.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND rule.rulename = '_RETURN'
      AND depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND depend.refobjid = ${oid}
    ORDER BY 1, 2`.execute(db)
  return rows
}

async function listReaders(db: Database, oid: number): Promise<ReadingPolicy[]> {
  const { rows } = await sql<ReadingPolicy>`
    SELECT pg_catalog.json_build_object('schema', namespace.nspname, 'name', class.relname) AS "table",
      policy.polname::text AS name, pg_catalog.pg_get_expr(policy.polqual, policy.polrelid) AS "using",
      pg_catalog.pg_get_expr(policy.polwithcheck, policy.polrelid) AS "check"
    FROM pg_catalog.pg_policy policy
    JOIN pg_catalog.pg_class class ON class.oid = policy.polrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE policy.polrelid <> ${oid} AND policy.oid IN (
      SELECT objid FROM pg_catalog.pg_depend
      WHERE classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
        AND refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND refobjid = ${oid})
    ORDER BY namespace.nspname, class.relname, policy.polname`.execute(db)
  return rows
}

async function listFunctions(db: Database, oid: number): Promise<DependentFunction[]> {
  const { rows } = await sql<DependentFunction>`
    WITH row_types AS (
      SELECT reltype AS oid FROM pg_catalog.pg_class WHERE oid = ${oid}
      UNION SELECT typarray FROM pg_catalog.pg_type
        WHERE oid = (SELECT reltype FROM pg_catalog.pg_class WHERE oid = ${oid})
    )
    SELECT pg_catalog.format('%I.%I(%s)', namespace.nspname, proc.proname,
        pg_catalog.oidvectortypes(proc.proargtypes)) AS signature,
      pg_catalog.pg_get_functiondef(proc.oid) AS definition,
      pg_catalog.pg_get_userbyid(proc.proowner)::text AS owner,
      EXISTS (SELECT FROM pg_catalog.unnest(
          coalesce(proc.proallargtypes, proc.proargtypes::oid[]) || proc.prorettype) type
        WHERE type IN (SELECT row_types.oid FROM row_types)) AS "hasRowType",
      ARRAY(SELECT pg_catalog.format('GRANT EXECUTE ON FUNCTION %I.%I(%s) TO %s%s', namespace.nspname, proc.proname,
              pg_catalog.oidvectortypes(proc.proargtypes),
              CASE WHEN entry.grantee = 0 THEN 'PUBLIC'
                ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(entry.grantee)) END,
              CASE WHEN entry.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
            FROM pg_catalog.aclexplode(proc.proacl) entry WHERE entry.grantee <> proc.proowner ORDER BY 1) AS grants,
      proc.proacl IS NOT NULL AS "isClosed",
      pg_catalog.obj_description(proc.oid, 'pg_proc') AS comment,
      EXISTS (SELECT FROM pg_catalog.pg_depend used
              WHERE used.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND used.refobjid = proc.oid
                AND used.deptype = 'n') AS "isUsed"
    FROM pg_catalog.pg_proc proc JOIN pg_catalog.pg_namespace namespace ON namespace.oid = proc.pronamespace
    WHERE proc.prokind IN ('f', 'p') AND proc.oid IN (
      SELECT depend.objid FROM pg_catalog.pg_depend depend
      WHERE depend.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND depend.deptype = 'n'
        AND ((depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND depend.refobjid = ${oid})
          OR (depend.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
            AND depend.refobjid IN (SELECT row_types.oid FROM row_types))))
    ORDER BY 1`.execute(db)
  return rows
}

/**
 * What depends on the table, its row type or its keys and is none of the above: columns of its row type, rules of other
 * relations, defaults that read it, views that group by its primary key, aggregates ...
 */
async function listOthers(db: Database, oid: number): Promise<string[]> {
  const { rows } = await sql<{ description: string }>`
    WITH own AS (
      SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid AS classid, ${oid}::oid AS objid
      UNION SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, reltype FROM pg_catalog.pg_class WHERE oid = ${oid}
      UNION SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, typarray FROM pg_catalog.pg_type
        WHERE oid = (SELECT reltype FROM pg_catalog.pg_class WHERE oid = ${oid})
      UNION SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid FROM pg_catalog.pg_constraint
        WHERE conrelid = ${oid} AND contype IN ('p', 'u')
    )
    SELECT DISTINCT pg_catalog.pg_describe_object(depend.classid, depend.objid, 0) AS description
    FROM pg_catalog.pg_depend depend
    JOIN own ON own.classid = depend.refclassid AND own.objid = depend.refobjid
    WHERE depend.deptype IN ('n', 'a') AND (depend.classid, depend.objid) NOT IN (SELECT classid, objid FROM own)
      AND NOT (depend.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        AND own.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND EXISTS (SELECT FROM pg_catalog.pg_rewrite rule JOIN pg_catalog.pg_class class ON class.oid = rule.ev_class
          WHERE rule.oid = depend.objid AND rule.rulename = '_RETURN' AND class.relkind IN ('v', 'm')))
      AND NOT (depend.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        AND EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE oid = depend.objid AND ev_class = ${oid}))
      AND NOT (depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = depend.objid AND inhparent = ${oid}))
      AND depend.classid NOT IN ('pg_catalog.pg_policy'::pg_catalog.regclass,
        'pg_catalog.pg_trigger'::pg_catalog.regclass, 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass,
        'pg_catalog.pg_publication_rel'::pg_catalog.regclass)
      AND NOT (depend.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid = depend.objid AND prokind IN ('f', 'p')))
      AND NOT (depend.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
        AND EXISTS (SELECT FROM pg_catalog.pg_constraint
          WHERE oid = depend.objid AND (conrelid = ${oid} OR confrelid = ${oid})))
      AND NOT (depend.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
        AND EXISTS (SELECT FROM pg_catalog.pg_attrdef WHERE oid = depend.objid AND adrelid = ${oid}))
      AND NOT (depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = depend.objid AND relkind IN ('i', 'I', 'S', 't')))
    ORDER BY 1`.execute(db)
  return rows.map(({ description }) => description)
}
