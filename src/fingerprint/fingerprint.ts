import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'
import { describeColumns } from './columns.ts'
import { describeModelled } from './modelled.ts'
import { readFactsWithoutOrder } from './pgDelta.ts'
import type { Facts } from './pgDelta.ts'
import { describeRareKinds } from './rareKinds.ts'
import { describeRelations } from './relations.ts'
import { keepUsedRoles } from './roles.ts'
import { keyOf } from './schemaObject.ts'
import type { SchemaObject, SchemaObjects } from './schemaObject.ts'
import { describeSettings } from './settings.ts'
import { inOneState } from './oneState.ts'
import { describeStatisticsObjects } from './statisticsObjects.ts'

/** The schema of a database at one moment. Two equal texts mean the same schema. */
export interface Fingerprint {
  /** Every object with its properties, one per line, sorted; no oids, no rows, no statistics. */
  text: string
  /** SHA-256 of the text, in hex. */
  hash: string
  /** What our role could not see, and what is left out on purpose, as sentences. */
  notSeen: string[]
  /** The same by object, for `differences`. */
  objects: ReadonlyMap<string, SchemaObject>
}

export interface FingerprintOptions {
  /** Only the objects in these schemas, without roles, extensions and the like; by default the whole database. */
  schemas?: string[]
  /** Schemas to leave out; by default the one that holds hundredfold's own ledger. */
  except?: string[]
  /**
   * Roles belong to the server, so those of other databases come and go. `used`, the default, takes the roles that own
   * something here, are granted something or are named by a policy, and the roles that these are members of. `all`
   * suits a server of your own.
   */
  roles?: 'used' | 'all'
}

/**
 * Reads the fingerprint in one read-only snapshot, or inside the client's open transaction. It needs only the right to
 * connect; `notSeen` lists what that right does not show.
 *
 * ```
 * policy "own rows" on public.bookings
 *   command: SELECT
 *   roles: {authenticated}
 *   using expression: (customer_id = ( SELECT auth.uid() AS uid))
 * ```
 */
export async function readFingerprint(
  client: ClientBase,
  options: FingerprintOptions = {},
): Promise<Fingerprint> {
  const { objects, facts } = await inOneState(client, async () => {
    const facts = await readFactsWithoutOrder(client)
    return { facts, objects: await describeAll(client, facts) }
  })
  const covered = select(objects, options)
  const text = render(covered)
  return {
    text,
    hash: createHash('sha256').update(text).digest('hex'),
    notSeen: notSeen(facts),
    objects: covered,
  }
}

async function describeAll(client: ClientBase, facts: Facts): Promise<SchemaObjects> {
  const objects: SchemaObjects = new Map()
  describeModelled(objects, facts.base)
  await describeRelations(client, objects)
  await describeColumns(client, objects)
  await describeStatisticsObjects(client, objects)
  await describeRareKinds(client, objects, facts.majorVersion)
  await describeSettings(client, objects)
  return objects
}

function select(objects: SchemaObjects, options: FingerprintOptions): SchemaObjects {
  const { schemas, except = ['hundredfold'], roles = 'used' } = options
  const covered = [...objects.values()].filter(({ schema }) => {
    if (schema === null) return schemas === undefined
    return !except.includes(schema) && (schemas?.includes(schema) ?? true)
  })
  const kept = roles === 'all' ? covered : keepUsedRoles(covered)
  return new Map(kept.map((object) => [keyOf(object), object]))
}

/** One block per object; a value of several lines stands below its property, each line marked. */
function render(objects: SchemaObjects): string {
  const blocks = [...objects].sort(byFirst).map(([key, { properties }]) => {
    const lines = [...properties].sort(byFirst).map(([property, value]) =>
      value.includes('\n')
        ? `  ${property}:\n${value
            .split('\n')
            .map((line) => `    | ${line}`)
            .join('\n')}`
        : `  ${property}: ${value}`,
    )
    return [oneLine(key), ...lines].join('\n')
  })
  return blocks.length > 0 ? `${blocks.join('\n')}\n` : ''
}

/** An identifier may hold a line break; a line of the fingerprint may not. */
function oneLine(key: string): string {
  return key.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

/** By code unit, so that the order does not depend on a locale. */
function byFirst([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function notSeen({ diagnostics }: Facts): string[] {
  // We describe what pg-delta does not model, and a fingerprint needs no edges to objects that pg-delta does not read.
  const ours = ['unmodeled_kind', 'dangling_edge', 'orphaned_satellite']
  return [
    'Passwords of roles, and secret options of foreign servers and subscriptions.',
    ...diagnostics.filter(({ code }) => !ours.includes(code)).map(({ message }) => message),
  ]
}
