import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ClientBase } from 'pg'
import { escapeLiteral } from 'pg'

/** Where Debian puts them, for PostgreSQL 15. */
export const debianLibraries = '/usr/lib/postgresql/15/lib'
const scripts = '/usr/share/postgresql/15/extension'

/** Whether Debian's package of the extension is installed here. */
export function hasDebianExtension(name: string): boolean {
  return existsSync(join(scripts, `${name}.control`))
}

/**
 * Installs an extension of Debian's on a PostgreSQL 15 that is not Debian's, as superuser: its scripts run with the
 * library named with its folder, and the catalog gets the row that CREATE EXTENSION would write.
 */
export async function installDebianExtension(
  client: ClientBase,
  name: string,
  schema: string,
): Promise<void> {
  for (const script of scriptsOf(name)) {
    const text = readFileSync(join(scripts, script), 'utf8')
      .replaceAll('@extschema@', schema)
      .replaceAll('MODULE_PATHNAME', `${debianLibraries}/${name}`)
      .replaceAll('$libdir/', `${debianLibraries}/`)
      // For psql, and for CREATE EXTENSION alone.
      .replaceAll(/^\\.*$/gm, '')
      .replaceAll(/^\s*SELECT pg_catalog\.pg_extension_config_dump\(.*\);/gim, '')
      .replaceAll(/^\s*SELECT pg_extension_config_dump\(.*\);/gim, '')
    await client.query(text)
  }
  await client.query(
    `INSERT INTO pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
     SELECT (SELECT 4000000001 + count(*)::int8 FROM pg_catalog.pg_extension)::oid, ${escapeLiteral(name)}, oid,
       ${escapeLiteral(schema)}::regnamespace, false, ${escapeLiteral(versionOf(name))}
     FROM pg_catalog.pg_roles WHERE rolname = current_user`,
  )
}

function versionOf(name: string): string {
  const control = readFileSync(join(scripts, `${name}.control`), 'utf8')
  return /default_version = '([^']+)'/.exec(control)?.[1] ?? ''
}

/** The script that makes the wanted version, or the oldest one and those that update it. */
function scriptsOf(name: string): string[] {
  const whole = `${name}--${versionOf(name)}.sql`
  const all = readdirSync(scripts)
    .filter((file) => file.startsWith(`${name}--`) && file.endsWith('.sql'))
    .sort()
  if (all.includes(whole)) return [whole]
  const [first = ''] = all.filter((file) => file.split('--').length === 2)
  const chain = [first]
  for (let at = first.slice(0, -'.sql'.length).split('--')[1]; at !== versionOf(name);) {
    const next = all.find((file) => file.startsWith(`${name}--${at}--`))
    if (next === undefined) break
    chain.push(next)
    at = next.slice(0, -'.sql'.length).split('--')[2]
  }
  return chain
}
