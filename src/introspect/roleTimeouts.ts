import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

/** A role that applications use, and the statement_timeout that its sessions begin with in this database. */
export interface RoleTimeout {
  name: string
  /** What `ALTER ROLE ... SET` set for every database; null where nothing is set. */
  own: string | null
  /** What holds in this database: the role's here, else its own, else the database's; null where nothing is set. */
  effective: string | null
}

/**
 * Roles that may connect to this database and are neither superusers nor the platform's nor own anything here
 * (owners migrate and maintain, which takes long), and those that an API turns into: `anon` and `authenticated`.
 */
export async function listRoleTimeouts(db: Database): Promise<RoleTimeout[]> {
  const result = await sql<RoleTimeout>`
    WITH this AS (SELECT oid, datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
    timeouts AS (
      SELECT setting.setdatabase, setting.setrole, pg_catalog.split_part(line, '=', 2) AS value
      FROM pg_catalog.pg_db_role_setting setting, LATERAL pg_catalog.unnest(setting.setconfig) line
      WHERE line LIKE 'statement\\_timeout=%'
    )
    SELECT role.rolname AS name, own.value AS own,
      coalesce(here.value, own.value, everybody.value) AS effective
    FROM pg_catalog.pg_roles role
    CROSS JOIN this
    LEFT JOIN timeouts here ON here.setrole = role.oid AND here.setdatabase = this.oid
    LEFT JOIN timeouts own ON own.setrole = role.oid AND own.setdatabase = 0
    LEFT JOIN timeouts everybody ON everybody.setrole = 0 AND everybody.setdatabase = this.oid
    WHERE role.rolname IN ('anon', 'authenticated')
      OR role.rolcanlogin AND NOT role.rolsuper AND NOT role.rolreplication
        AND role.rolname <> current_user AND role.rolname !~ '^(pg_|supabase_|cli_login_)'
        AND role.rolname NOT IN ('pgbouncer', 'dashboard_user')
        AND pg_catalog.has_database_privilege(role.oid, this.oid, 'CONNECT')
        AND role.oid <> this.datdba
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_class class WHERE class.relowner = role.oid)
    ORDER BY 1`.execute(db)
  return result.rows
}

/**
 * The server's own statement_timeout, in milliseconds; undefined where it cannot be told, since the current role or
 * this database has one of its own in front of it.
 */
export async function findServerTimeout(db: Database): Promise<number | undefined> {
  const result = await sql<{ value: string; isOwn: boolean }>`
    SELECT reset_val AS value, EXISTS (
      SELECT FROM pg_catalog.pg_db_role_setting setting
      WHERE setting.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user))
        AND setting.setdatabase IN
          (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
        AND setting.setconfig::text LIKE '%statement\\_timeout=%') AS "isOwn"
    FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'`.execute(db)
  const [row] = result.rows
  return row && !row.isOwn ? Number(row.value) : undefined
}
