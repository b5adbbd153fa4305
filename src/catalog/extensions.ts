import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** An extension that the server offers, and the version that this database has installed, if any. */
export interface AvailableExtension {
  name: string
  defaultVersion: string
  installedVersion: string | null
}

/** What the server knows of the extension; undefined where its files are not there. */
export async function findExtension(db: Database, name: string): Promise<AvailableExtension | undefined> {
  const { rows } = await sql<AvailableExtension>`
    SELECT name, default_version AS "defaultVersion", installed_version AS "installedVersion"
    FROM pg_catalog.pg_available_extensions WHERE name = ${name}`.execute(db)
  return rows[0]
}

/** An extension whose installed version differs from the server's own. */
export interface OutdatedExtension extends AvailableExtension {
  installedVersion: string
  /** The server has update scripts from the installed version to its own. */
  hasPath: boolean
}

/** Every such extension, by name. */
export async function listOutdatedExtensions(db: Database): Promise<OutdatedExtension[]> {
  const { rows } = await sql<OutdatedExtension>`
    SELECT extension.name, extension.installed_version AS "installedVersion",
      extension.default_version AS "defaultVersion",
      EXISTS (
        SELECT FROM pg_catalog.pg_extension_update_paths(extension.name) path
        WHERE path.source = extension.installed_version AND path.target = extension.default_version
          AND path.path IS NOT NULL) AS "hasPath"
    FROM pg_catalog.pg_available_extensions extension
    WHERE extension.installed_version <> extension.default_version
    ORDER BY 1`.execute(db)
  return rows
}

/**
 * Whether the server loaded the extension's library at its start, as `shared_preload_libraries` asks for. Only
 * superusers may read that setting, but any role can see the library's own settings (`pg_stat_statements.max`).
 */
export async function libraryIsPreloaded(db: Database, name: string): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM pg_catalog.pg_settings
    WHERE name LIKE ${`${name.replaceAll('_', '\\_')}.%`} AND context = 'postmaster'`.execute(db)
  return rows.length > 0
}

/** An extension that this role may install, and the schema for it: `extensions` where there is one, else `public`. */
export interface InstallableExtension {
  name: string
  schema: string
}

/** Which of the extensions the server offers, the database lacks, and the current role may install. */
export async function listInstallable(
  db: Database,
  names: readonly string[],
): Promise<InstallableExtension[]> {
  const { rows } = await sql<InstallableExtension>`
    SELECT offered.name, CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'extensions')
        THEN 'extensions' ELSE 'public' END AS schema
    FROM pg_catalog.pg_available_extensions offered
    JOIN pg_catalog.pg_available_extension_versions version
      ON version.name = offered.name AND version.version = offered.default_version
    WHERE offered.name = ANY (${[...names]}::text[]) AND offered.installed_version IS NULL
      AND (NOT version.superuser
        OR version.trusted AND pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
        OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user))
    ORDER BY 1`.execute(db)
  return rows
}

/** The operator classes that an extension brings, qualified: `public.gin_trgm_ops`. */
export async function listOperatorClasses(db: Database, extension: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT pg_catalog.format('%I.%I', namespace.nspname, class.opcname) AS name
    FROM pg_catalog.pg_opclass class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.opcnamespace
    JOIN pg_catalog.pg_depend brought ON brought.classid = 'pg_catalog.pg_opclass'::pg_catalog.regclass
      AND brought.objid = class.oid AND brought.deptype = 'e'
    JOIN pg_catalog.pg_extension extension ON extension.oid = brought.refobjid
    WHERE extension.extname = ${extension}
    ORDER BY 1`.execute(db)
  return rows.map(({ name }) => name)
}
