import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Where a timeout of a role comes from. */
export interface TimeoutValue {
  /** What `ALTER ROLE ... SET` set for every database; null where nothing is set. */
  own: string | null
  /** What `ALTER ROLE ... IN DATABASE` set for this one; null where nothing is set. */
  here: string | null
  /** What `ALTER DATABASE ... SET` set for every role in this one; null where nothing is set. */
  everybody: string | null
  /** What applies in this database: the role's setting here, else its own, else the database's; null if none is set. */
  effective: string | null
}

/** The settings that end what takes too long; `transaction_timeout` since PostgreSQL 17. */
export const timeoutSettings = [
  'statement_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'lock_timeout',
  'transaction_timeout',
] as const

export type TimeoutSetting = (typeof timeoutSettings)[number]

/** A role that applications use, and the timeouts that its sessions begin with in this database. */
export interface RoleTimeouts {
  name: string
  canLogin: boolean
  /** Whether this session's role may `ALTER ROLE ... SET` it. */
  mayAlter: boolean
  /** Whether this session's role may `ALTER DATABASE ... SET`. */
  ownsDatabase: boolean
  timeouts: Record<TimeoutSetting, TimeoutValue>
}

/**
 * Roles of applications: `anon` and `authenticated`, which an API switches to, and the roles that may connect to this
 * database. Superusers, the platform's roles and owners of tables are left out: owners migrate and maintain, which
 * takes long.
 *
 * A server may hold other databases, whose roles are in the same catalog and may connect here as everybody may. So a
 * role counts only if this database concerns it. It owns something here, has a privilege or is named by a policy,
 * itself or through a role that it is a member of. Or it may read or write everything, has settings for this database,
 * or is connected to it now. Privileges of PUBLIC do not count.
 */
export async function listRoleTimeouts(db: Database): Promise<RoleTimeouts[]> {
  const result = await sql<RoleTimeouts>`
    WITH this AS (SELECT oid, datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
    timeouts AS (
      SELECT setting.setdatabase, setting.setrole, pg_catalog.split_part(line, '=', 1) AS name,
        pg_catalog.split_part(line, '=', 2) AS value
      FROM pg_catalog.pg_db_role_setting setting, LATERAL pg_catalog.unnest(setting.setconfig) line
      WHERE pg_catalog.split_part(line, '=', 1) = ANY (${[...timeoutSettings]}::text[])
    ),
    -- What DROP OWNED would look at: owners (o), grantees (a) and those whom policies name (r). PUBLIC is no role.
    holders AS MATERIALIZED (
      SELECT DISTINCT dependency.refobjid AS oid
      FROM pg_catalog.pg_shdepend dependency, this
      WHERE dependency.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
        AND dependency.dbid = this.oid AND dependency.deptype IN ('o', 'a', 'r')
      UNION SELECT oid FROM pg_catalog.pg_roles WHERE rolname IN ('pg_read_all_data', 'pg_write_all_data')
    ),
    known AS (
      SELECT setrole AS oid FROM pg_catalog.pg_db_role_setting, this WHERE setdatabase = this.oid
      UNION SELECT usesysid FROM pg_catalog.pg_stat_activity, this WHERE datid = this.oid AND usesysid IS NOT NULL
    )
    SELECT role.rolname AS name, role.rolcanlogin AS "canLogin",
      acting.rolsuper OR acting.rolcreaterole AND (
        -- Since 16 CREATEROLE is for the roles that one has made, or got with ADMIN OPTION.
        pg_catalog.current_setting('server_version_num')::int < 160000
        OR pg_catalog.pg_has_role(acting.oid, role.oid, 'MEMBER WITH ADMIN OPTION')) AS "mayAlter",
      pg_catalog.pg_has_role(this.datdba, 'USAGE') AS "ownsDatabase",
      (SELECT pg_catalog.json_object_agg(wanted.name, pg_catalog.json_build_object(
          'own', own.value, 'here', here.value, 'everybody', everybody.value, 'effective', coalesce(here.value, own.value, everybody.value)))
        FROM pg_catalog.unnest(${[...timeoutSettings]}::text[]) AS wanted(name)
        LEFT JOIN timeouts here
          ON here.name = wanted.name AND here.setrole = role.oid AND here.setdatabase = this.oid
        LEFT JOIN timeouts own ON own.name = wanted.name AND own.setrole = role.oid AND own.setdatabase = 0
        LEFT JOIN timeouts everybody
          ON everybody.name = wanted.name AND everybody.setrole = 0 AND everybody.setdatabase = this.oid
      ) AS timeouts
    FROM pg_catalog.pg_roles role
    CROSS JOIN this
    JOIN pg_catalog.pg_roles acting ON acting.rolname = current_user
    WHERE (role.rolname IN ('anon', 'authenticated')
      OR role.rolcanlogin AND NOT role.rolsuper AND NOT role.rolreplication
        AND role.rolname <> current_user AND role.rolname !~ '^(pg_|supabase_|cli_login_)'
        AND role.rolname NOT IN ('pgbouncer', 'dashboard_user')
        AND pg_catalog.has_database_privilege(role.oid, this.oid, 'CONNECT')
        AND role.oid <> this.datdba
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_class class WHERE class.relowner = role.oid))
      AND (role.oid IN (SELECT oid FROM known)
        OR EXISTS (SELECT FROM holders WHERE pg_catalog.pg_has_role(role.oid, holders.oid, 'MEMBER')))
    ORDER BY 1`.execute(db)
  return result.rows
}

/**
 * The server's own timeouts, in milliseconds, by setting; those that it does not know, or that a setting of the current
 * role or of this database hides, are left out.
 */
export async function listServerTimeouts(db: Database): Promise<Map<TimeoutSetting, number>> {
  const result = await sql<{ name: TimeoutSetting; value: string; isOwn: boolean }>`
    SELECT setting.name, setting.reset_val AS value, EXISTS (
      SELECT FROM pg_catalog.pg_db_role_setting hiding, LATERAL pg_catalog.unnest(hiding.setconfig) line
      WHERE hiding.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user))
        AND hiding.setdatabase IN
          (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
        AND pg_catalog.split_part(line, '=', 1) = setting.name) AS "isOwn"
    FROM pg_catalog.pg_settings setting WHERE setting.name = ANY (${[...timeoutSettings]}::text[])`.execute(
    db,
  )
  return new Map(result.rows.filter(({ isOwn }) => !isOwn).map(({ name, value }) => [name, Number(value)]))
}
