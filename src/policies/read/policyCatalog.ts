import { sql } from 'kysely'
import type { Read } from '../../catalog/reader.ts'
import type { Database } from '../../postgres/database.ts'
import { lockedRelations } from '../../catalog/lockedRelations.ts'
import type { CatalogFunction, Functions } from './functionCatalog.ts'
import { readFunctions } from './functionCatalog.ts'
import type { IndexedTable } from './tableCatalog.ts'
import { listCatalogTables } from './tableCatalog.ts'

/** A row-level security policy as the catalog has it. */
export interface Policy {
  oid: number
  name: string
  table: IndexedTable
  /** `*` for all commands, `r` select, `a` insert, `w` update, `d` delete. */
  command: '*' | 'r' | 'a' | 'w' | 'd'
  permissive: boolean
  /** Names of the roles it is for; empty for PUBLIC. */
  roles: string[]
  /** As `pg_get_expr` prints it with an empty `search_path`; null where the policy has none. */
  using: string | null
  check: string | null
  /** The functions that its expressions call; those of the server itself are not among them. */
  functions: CatalogFunction[]
}

/** Every policy of tables that nobody locks exclusively, with what its preconditions have to know. */
export interface PolicyCatalog {
  /** By schema, table and name. */
  policies: Policy[]
  /** Every table, view and foreign table outside of the system's schemas, by oid. */
  tables: Map<number, IndexedTable>
  functions: Functions
  /** The role that asked. */
  role: string
  serverVersion: number
}

/**
 * Reads all policies in a handful of queries, however many there are. The session must have an empty
 * `search_path`, so that expressions are printed with every name qualified.
 */
export async function readPolicyCatalog(db: Database, read: Read): Promise<PolicyCatalog> {
  const tables = await read(listCatalogTables)
  const rows = await readPolicies(db)
  const functions = await readFunctions(db, [...new Set(rows.flatMap((row) => row.functions))])
  const policies = rows.flatMap(({ table: oid, functions: called, ...policy }): Policy[] => {
    const table = tables.get(oid)
    if (!table) return []
    return [{ ...policy, table, functions: called.flatMap((each) => functions.byOid.get(each) ?? []) }]
  })
  const { rows: session } = await sql<{ role: string; serverVersion: number }>`
    SELECT current_user::text AS role,
      pg_catalog.current_setting('server_version_num')::int AS "serverVersion"`.execute(db)
  const [asked] = session
  if (!asked) throw new Error('the server did not say who we are')
  return { policies, tables, functions, ...asked }
}

interface PolicyRow extends Omit<Policy, 'table' | 'functions'> {
  table: number
  functions: number[]
}

async function readPolicies(db: Database): Promise<PolicyRow[]> {
  const { rows } = await sql<PolicyRow>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locked)
    SELECT p.oid, p.polname::text AS name, p.polrelid AS table, p.polcmd AS command, p.polpermissive AS permissive,
      ARRAY(SELECT r.rolname::text FROM pg_catalog.pg_roles r
            WHERE r.oid = ANY (p.polroles) ORDER BY r.rolname) AS roles,
      pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS using,
      pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS check,
      coalesce(d.functions, '{}') AS functions
    FROM pg_catalog.pg_policy p
    JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN (
      SELECT objid, pg_catalog.array_agg(DISTINCT refobjid) AS functions
      FROM pg_catalog.pg_depend
      WHERE classid = 'pg_catalog.pg_policy'::regclass AND refclassid = 'pg_catalog.pg_proc'::regclass
      GROUP BY objid) d ON d.objid = p.oid
    WHERE p.polrelid NOT IN (SELECT oid FROM locked)
    ORDER BY n.nspname, c.relname, p.polname`.execute(db)
  return rows
}
