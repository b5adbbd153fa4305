import type { ClientBase } from 'pg'
import { quote } from '../postgres/identifiers.ts'
import { readFingerprint } from '../fingerprint/fingerprint.ts'
import type { Fingerprint } from '../fingerprint/fingerprint.ts'
import { nameOf } from '../fingerprint/modelled.ts'
import { planStatements, readFacts } from '../fingerprint/pgDelta.ts'
import type { FactBase, PlannedStatement, StableId } from '../fingerprint/pgDelta.ts'
import { keyOf, namedColumn, namedRelation } from '../fingerprint/schemaObject.ts'
import { inOneState } from '../fingerprint/oneState.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import { shadowRoles } from './administrator.ts'
import { inColumnOrder } from './columnOrder.ts'
import { firstReasons, runCopy } from './copySchema.ts'
import type { CopyStatement } from './copySchema.ts'
import { readDetails } from './details.ts'
import { nameNotNulls } from './notNullNames.ts'
import { readStandIns } from './standIns.ts'
import type { StandIns } from './standIns.ts'

/** Everything that a copy needs of its source, read in one snapshot. */
export interface Source {
  database: string
  except: string[]
  facts: FactBase
  fingerprint: Fingerprint
  details: string[]
  /** The statement that gives NOT NULL constraints the source's names; none where they have no names. */
  notNullNames: string[]
  /** Extensions that the shadow lacks. */
  missingExtensions: string[]
  standIns: StandIns
}

/** Reads the source; it is never written. */
export async function readSource(
  source: ClientBase,
  { except, available }: { except: string[]; available: ReadonlySet<string> },
): Promise<Source> {
  return inOneState(source, async () => {
    const { rows } = await source.query<{ database: string }>(
      'SELECT pg_catalog.current_database() AS database',
    )
    const { base: facts } = await readFacts(source)
    const missingExtensions = facts
      .facts()
      .flatMap(({ id }) => (id.kind === 'extension' && !available.has(id.name) ? [id.name] : []))
    return {
      database: rows[0]?.database ?? 'postgres',
      except,
      facts,
      fingerprint: await readFingerprint(source, { except, roles: 'all' }),
      details: await readDetails(source),
      notNullNames: await nameNotNulls(source),
      missingExtensions,
      standIns: await readStandIns(source, missingExtensions),
    }
  })
}

/**
 * Copies the source into an empty database, as superuser.
 *
 * @returns why an object could not be copied, by its key.
 */
export async function copyInto(client: ClientBase, source: Source): Promise<Map<string, string>> {
  const empty = await inOneState(client, () => readFacts(client))
  const planned = await planStatements(empty.base, source.facts, (id) => isLeftOut(id, source.except))
  const searchPath = source.facts
    .facts()
    .flatMap(({ id }) => (id.kind === 'schema' ? [quote(id.name)] : []))
    .join(', ')
  const statements = planned
    // Settings of roles are among the details, since a list such as search_path is not one literal.
    .filter(({ sql }) => !sql.startsWith('ALTER ROLE '))
    .map((statement) => copyStatement(statement, source))
  const ordered = await inColumnOrder(statements, (table, column) =>
    Number(
      source.fingerprint.objects
        .get(keyOf(namedColumn(namedRelation('r', table), column)))
        ?.properties.get('place'),
    ),
  )
  const isOfEventTrigger = ({ objects }: CopyStatement): boolean =>
    objects.some((object) => object.startsWith('event trigger '))
  const detail = (sql: string): CopyStatement => ({ sql, objects: [] })
  const naming = source.notNullNames.map(detail)
  const steps = [
    // Another constraint may have the name that a NOT NULL gets by default: it is tried again with what failed.
    [...ordered.filter((statement) => !isOfEventTrigger(statement)), ...naming],
    // A comment on a NOT NULL that is made here is tried again, too.
    [...source.details.map(detail), ...naming],
    // Last, so that they do not fire on the copying itself.
    ordered.filter(isOfEventTrigger),
  ]
  const failed: [string, string][] = []
  for (const step of steps) failed.push(...(await runCopy(client, step, searchPath)))
  const owner = source.fingerprint.objects.get('database')?.properties.get('owner')
  if (owner) await client.query(`ALTER DATABASE ${quote(source.database)} OWNER TO ${quote(owner)}`)
  return firstReasons(failed)
}

function isLeftOut(id: StableId, except: readonly string[]): boolean {
  switch (id.kind) {
    case 'role':
      return shadowRoles.includes(id.name)
    case 'membership':
      return shadowRoles.includes(id.role) || shadowRoles.includes(id.member)
    case 'acl':
      // Before PostgreSQL 15 it is the bootstrap role that owns the schema public, until the copy has another owner.
      return shadowRoles.includes(id.grantee)
    case 'schema':
      return except.includes(id.name)
    case 'subscription':
      // A shadow must not connect to anybody's server.
      return true
    default:
      return 'schema' in id && id.schema !== null && except.includes(id.schema)
  }
}

function copyStatement({ sql, produces, consumes }: PlannedStatement, source: Source): CopyStatement {
  // A statement that creates nothing, such as GRANT or ALTER ... OWNER, belongs to the first object that it needs.
  const about = produces.length > 0 ? produces : consumes.slice(0, 1)
  const objects = about.map((id) => keyOf(nameOf(source.facts, id)))
  const extension = produces.find((id) => id.kind === 'extension')
  if (extension?.kind === 'extension') return { sql: createExtension(extension.name, sql, source), objects }
  // A function's body is kept to the letter; everything else PostgreSQL reads and prints.
  const asWritten = /^CREATE (OR REPLACE )?(FUNCTION|PROCEDURE)\b/.test(sql) ? sql : withoutArrayCasts(sql)
  return asWritten === sql ? { sql, objects } : { sql: asWritten, objects, otherwise: [{ sql, objects }] }
}

/**
 * An extension belongs to whoever creates it, and only a superuser may create any: its owner is one for a
 * moment. Where the shadow does not have the extension, stand-ins take its place.
 */
function createExtension(name: string, sql: string, source: Source): string {
  if (source.missingExtensions.includes(name)) return (source.standIns.get(name) ?? []).join(';\n')
  const owner = source.fingerprint.objects
    .get(keyOf(nameOf(source.facts, { kind: 'extension', name })))
    ?.properties.get('owner')
  const isSuperuser = source.facts.get({ kind: 'role', name: owner ?? '' })?.payload['superuser'] !== false
  if (owner === undefined || isSuperuser) return sql
  const role = quote(owner)
  return `ALTER ROLE ${role} SUPERUSER; SET ROLE ${role}; ${sql}; RESET ROLE; ALTER ROLE ${role} NOSUPERUSER`
}
