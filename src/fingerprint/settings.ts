import type { ClientBase } from 'pg'
import { displayIdentifier } from '../postgres/identifiers.ts'
import { grantsIn, inUserSchema, rows } from './rows.ts'
import { describe, keyOf, namedGlobally, namedSchema, spreadOptions } from './schemaObject.ts'
import type { Grant, ObjectName, SchemaObjects } from './schemaObject.ts'

/** The database itself, without its name: the same schema may live in databases of different names. */
export const thisDatabase: ObjectName = namedGlobally('database', '')

/**
 * Adds what pg-delta does not read: the database's owner, grants and settings, settings of roles in this database,
 * versions of extensions, owners of schemas, and limits of roles.
 */
export async function describeSettings(client: ClientBase, objects: SchemaObjects): Promise<void> {
  await describeDatabase(client, objects)
  await describeRolesInDatabase(client, objects)
  await describeRoleLimits(client, objects)
  await describeExtensions(client, objects)
  await describeSchemaOwners(client, objects)
}

async function describeDatabase(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{
    owner: string
    connectionLimit: number | null
    comment: string | null
    settings: string[] | null
    grants: Grant[] | null
  }>(
    client,
    `SELECT r.rolname AS owner, nullif(d.datconnlimit, -1) AS "connectionLimit",
            pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
            s.setconfig AS settings,
            ${grantsIn(`coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))`)} AS grants
     FROM pg_catalog.pg_database d
     JOIN pg_catalog.pg_roles r ON r.oid = d.datdba
     LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setdatabase = d.oid AND s.setrole = 0
     WHERE d.datname = pg_catalog.current_database()`,
  )
  for (const database of found) {
    describe(
      objects,
      thisDatabase,
      {
        'connection limit': database.connectionLimit,
        comment: database.comment,
        ...spreadOptions('setting', database.settings),
      },
      { owner: database.owner, grants: database.grants },
    )
  }
}

async function describeRolesInDatabase(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{ role: string; settings: string[] }>(
    client,
    `SELECT r.rolname AS role, s.setconfig AS settings
     FROM pg_catalog.pg_db_role_setting s
     JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
     JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
     WHERE d.datname = pg_catalog.current_database()`,
  )
  for (const { role, settings } of found) {
    const name = `of role ${displayIdentifier(role)} in this database`
    describe(objects, namedGlobally('settings', name), spreadOptions('setting', settings), { roles: [role] })
  }
}

async function describeRoleLimits(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{ role: string; connectionLimit: number | null; validUntil: string | null }>(
    client,
    `SELECT rolname AS role, nullif(rolconnlimit, -1) AS "connectionLimit",
            (rolvaliduntil AT TIME ZONE 'UTC')::text AS "validUntil"
     FROM pg_catalog.pg_roles WHERE rolconnlimit <> -1 OR rolvaliduntil IS NOT NULL`,
  )
  for (const { role, connectionLimit, validUntil } of found) {
    describe(
      objects,
      namedGlobally('role', displayIdentifier(role)),
      { 'connection limit': connectionLimit, 'valid until': validUntil },
      { roles: [role] },
    )
  }
}

async function describeExtensions(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{ name: string; version: string; owner: string | null }>(
    client,
    // initdb made plpgsql, and its owner is whoever ran initdb.
    `SELECT e.extname AS name, e.extversion AS version,
            CASE WHEN e.oid >= 16384 THEN r.rolname END AS owner
     FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_roles r ON r.oid = e.extowner`,
  )
  for (const { name, version, owner } of found) {
    describe(
      objects,
      namedGlobally('extension', displayIdentifier(name)),
      { version },
      { isListed: true, owner },
    )
  }
}

/** pg-delta leaves out owners that are predefined roles, such as pg_database_owner of the schema public. */
async function describeSchemaOwners(client: ClientBase, objects: SchemaObjects): Promise<void> {
  const found = await rows<{ name: string; owner: string }>(
    client,
    `SELECT n.nspname AS name, r.rolname AS owner
     FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
     WHERE ${inUserSchema}`,
  )
  for (const { name, owner } of found) {
    if (objects.has(keyOf(namedSchema(name)))) describe(objects, namedSchema(name), {}, { owner })
  }
}
