import type { Database } from '../postgres/database.ts'
import { parseOptions } from './relations.ts'

export interface Role {
  name: string
  isSuperuser: boolean
  bypassesRowSecurity: boolean
  /** What `ALTER ROLE ... SET` set for every database, by name. */
  settings: Record<string, string>
}

/** The role of that name, or undefined. */
export async function findRole(db: Database, name: string): Promise<Role | undefined> {
  const row = await db
    .selectFrom('pg_catalog.pg_roles')
    .select([
      'rolname as name',
      'rolsuper as isSuperuser',
      'rolbypassrls as bypassesRowSecurity',
      'rolconfig as settings',
    ])
    .where('rolname', '=', name)
    .executeTakeFirst()
  return row && { ...row, settings: parseOptions(row.settings ?? []) }
}
