import type { MigrationBuilder } from 'node-pg-migrate'
import { fails, holds, sql, type Condition, type Optimization } from 'hundredfold'

/**
 * `authenticator` is the role that the API logs in with; anon and authenticated are those it becomes, whose
 * settings it applies to each request.
 */
const settings = [
  { role: 'anon', name: 'statement_timeout', value: '3s' },
  { role: 'authenticated', name: 'statement_timeout', value: '8s' },
  { role: 'authenticator', name: 'statement_timeout', value: '30s' },
  { role: 'authenticator', name: 'lock_timeout', value: '5s' },
  { role: 'authenticator', name: 'idle_in_transaction_session_timeout', value: '60s' },
]

/** Holds when the role has this value of its own in this database; undefined: none. Other databases do not count. */
function settingIs(role: string, name: string, value: string | undefined): Condition {
  return {
    description: `role ${role} has ${value ? `${name} = ${value}` : `no ${name}`} of its own in this database`,
    async check(db) {
      const { rows } = await sql<{ settings: string[] | null }>`
        SELECT s.setconfig AS settings
        FROM pg_catalog.pg_roles r
        LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid
          AND s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        WHERE r.rolname = ${role}`.execute(db)
      const [found] = rows
      if (!found) return fails(value ?? 'unset', 'no such role')
      const actual = found.settings?.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1)
      return actual === value ? holds : fails(value ?? 'unset', actual ?? 'unset')
    },
  }
}

export const optimization: Optimization = {
  why:
    'Nothing ends a statement that runs away, a wait for a lock or a transaction that somebody left ' +
    'open; each holds a connection of the pool until none is left. Migrations and maintenance use ' +
    'other roles and are not cut off.',
  rule: 'missing_statement_timeout',
  before: settings.map(({ role, name }) => settingIs(role, name, undefined)),
  after: settings.map(({ role, name, value }) => settingIs(role, name, value)),
}

export function up(pgm: MigrationBuilder): void {
  for (const { role, name, value } of settings) alterRole(pgm, role, `SET ${name} = '${value}'`)
}

export function down(pgm: MigrationBuilder): void {
  for (const { role, name } of settings) alterRole(pgm, role, `RESET ${name}`)
}

/** For this database alone; ALTER ROLE takes its name and no expression. */
function alterRole(pgm: MigrationBuilder, role: string, change: string): void {
  pgm.sql(`
    DO $do$
    BEGIN
      EXECUTE format($$ALTER ROLE ${role} IN DATABASE %I ${change}$$, current_database());
    END
    $do$`)
}
