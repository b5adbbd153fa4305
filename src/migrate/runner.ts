import type { ClientBase } from 'pg'

/**
 * The role that runs the migrations in the shadow: the connected role if it owns a table in the database, else the
 * owner of the database, since the connected role then only reads. Undefined, which means the shadow's superuser, if that
 * role is a superuser.
 */
export async function findRunner(source: ClientBase): Promise<string | undefined> {
  const result = await source.query<{ role: string; superuser: boolean }>(`
    SELECT runner.rolname AS role, runner.rolsuper AS superuser
    FROM pg_catalog.pg_database database, pg_catalog.pg_roles runner
    WHERE database.datname = pg_catalog.current_database()
      AND runner.oid = CASE
        WHEN EXISTS (SELECT FROM pg_catalog.pg_class class
                     WHERE class.relowner = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
                       AND class.relkind IN ('r', 'p'))
        THEN (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
        ELSE database.datdba END`)
  const [runner] = result.rows
  return runner && !runner.superuser ? runner.role : undefined
}
