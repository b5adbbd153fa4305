import { display, displayIdentifier, quote } from '../postgres/identifiers.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** Names one object as a person would: `policy` and `"own rows" on public.bookings`. */
export interface ObjectName {
  kind: string
  name: string
  /** The schema that it lives in; null for a role, a setting and whatever else belongs to no schema. */
  schema: string | null
  /** Key of the object that it disappears with: the table of a column, the schema of a table. */
  parent: string | null
}

/** An object and everything that is set about it. A property that is not set is absent. */
export interface SchemaObject extends ObjectName {
  /**
   * Whether all objects of its kind are listed, so that an absent one is missing in the database. Other kinds, such as
   * columns of views, are listed only if they have a property.
   */
  isListed: boolean
  properties: Map<string, string>
  /** The roles that it names, as owner, grantee or otherwise. */
  roles: Set<string>
}

/** Every object by its key, such as `index public.bookings_pkey`. */
export type SchemaObjects = Map<string, SchemaObject>

/** `policy "own rows" on public.bookings`: unique among all objects of a database. */
export function keyOf(object: ObjectName): string {
  return object.name === '' ? object.kind : `${object.kind} ${object.name}`
}

/** What a property may be set to; null and an empty list mean that it is not set. */
export type PropertyValue = string | number | boolean | readonly string[] | null | undefined

/** What one role may do with an object; the grantee null stands for `public`. */
export interface Grant {
  grantee: string | null
  privileges: string[]
  grantable: string[]
}

/** What is known of an object besides its plain properties. */
export interface Details {
  /** Set if all objects of the kind are described, even those without a property. */
  isListed?: boolean
  owner?: string | null
  grants?: readonly Grant[] | null
  /** Roles that the properties name. */
  roles?: readonly string[]
}

/**
 * Adds properties to an object, and adds the object if it is new. An object without properties is added only if all of
 * its kind are listed.
 */
export function describe(
  objects: SchemaObjects,
  object: ObjectName,
  properties: Record<string, PropertyValue>,
  { isListed = false, owner, grants, roles }: Details = {},
): void {
  const stated = Object.entries({ ...properties, owner, ...privileges(grants ?? []) }).flatMap(
    ([property, value]): [string, string][] => {
      const text = renderValue(value)
      return text === null ? [] : [[property, text]]
    },
  )
  if (stated.length === 0 && !isListed) return
  const key = keyOf(object)
  const known = objects.get(key) ?? { ...object, isListed, properties: new Map(), roles: new Set() }
  known.isListed ||= isListed
  objects.set(key, known)
  for (const [property, text] of stated) known.properties.set(property, text)
  for (const role of [owner, ...(roles ?? []), ...(grants ?? []).map(({ grantee }) => grantee)]) {
    if (role) known.roles.add(role)
  }
}

/**
 * `{ 'privileges of anon': ['SELECT'] }`. Where default privileges were revoked the value is `none`, since an absent
 * property means the default.
 */
function privileges(grants: readonly Grant[]): Record<string, PropertyValue> {
  return Object.fromEntries(
    grants.map(({ grantee, privileges, grantable }) => {
      const granted = privileges.map((privilege) =>
        grantable.includes(privilege) ? `${privilege} with grant option` : privilege,
      )
      const to = grantee === null ? 'public' : displayIdentifier(grantee)
      return [`privileges of ${to}`, granted.length > 0 ? granted : 'none']
    }),
  )
}

/** `['a', 'b c']` -> `{a, "b c"}`; true -> `yes`; null -> null. */
function renderValue(value: PropertyValue): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (value.length === 0) return null
  return `{${value.map((item) => (/^[^\s,{}"]+( [^\s,{}"]+)*$/.test(item) ? item : JSON.stringify(item))).join(', ')}}`
}

/** `['fillfactor=90']` -> `{ 'storage parameter fillfactor': '90' }`. */
export function spreadOptions(prefix: string, options: readonly string[] | null): Record<string, string> {
  return Object.fromEntries(
    (options ?? []).map((option) => {
      const at = option.indexOf('=')
      return [`${prefix} ${option.slice(0, at)}`, option.slice(at + 1)]
    }),
  )
}

const relationKinds: Record<string, string> = {
  r: 'table',
  p: 'table',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
  S: 'sequence',
  i: 'index',
  I: 'index',
  c: 'type',
}

export function namedSchema(schema: string): ObjectName {
  return { kind: 'schema', name: displayIdentifier(schema), schema, parent: null }
}

/** An object that belongs to no schema: a role, an extension, a publication. */
export function namedGlobally(kind: string, name: string): ObjectName {
  return { kind, name, schema: null, parent: null }
}

/** An object that lives directly in a schema. */
export function namedInSchema(kind: string, name: RelationName): ObjectName {
  return { kind, name: display(name), schema: name.schema, parent: keyOf(namedSchema(name.schema)) }
}

/** A relation, by its `pg_class.relkind`. */
export function namedRelation(relkind: string, name: RelationName): ObjectName {
  return namedInSchema(relationKinds[relkind] ?? 'relation', name)
}

/** `column public.bookings.status`. */
export function namedColumn(relation: ObjectName, column: string, kind = 'column'): ObjectName {
  return {
    kind,
    name: `${relation.name}.${displayIdentifier(column)}`,
    schema: relation.schema,
    parent: keyOf(relation),
  }
}

/** `trigger stamp on public.bookings`. Names of policies are always quoted, since many of them are sentences. */
export function namedOn(kind: string, name: string, owner: ObjectName): ObjectName {
  const shown = kind === 'policy' ? quote(name) : displayIdentifier(name)
  return { kind, name: `${shown} on ${owner.name}`, schema: owner.schema, parent: keyOf(owner) }
}
