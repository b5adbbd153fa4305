import { display, displayIdentifier, quote } from '../postgres/identifiers.ts'
import type { FactBase, StableId } from './pgDelta.ts'
import {
  describe,
  keyOf,
  namedColumn,
  namedGlobally,
  namedInSchema,
  namedOn,
  namedSchema,
  spreadOptions,
} from './schemaObject.ts'
import type { Grant, ObjectName, PropertyValue, SchemaObjects } from './schemaObject.ts'

type Fact = ReturnType<FactBase['facts']>[number]
type Payload = Fact['payload']

/** PostgreSQL's words for kinds of objects, where pg-delta uses another. */
const kindWords: Partial<Record<StableId['kind'], string>> = {
  materializedView: 'materialized view',
  foreignTable: 'foreign table',
  eventTrigger: 'event trigger',
  fdw: 'foreign-data wrapper',
  server: 'foreign server',
}

const propertyWords: Record<string, string> = {
  def: 'definition',
  usingExpr: 'using expression',
  checkExpr: 'check expression',
  cmd: 'command',
  expr: 'expression',
  generatedExpr: 'generation expression',
  baseType: 'base type',
  createDb: 'create database',
  bypassRls: 'bypass row security',
}

/** Properties that repeat another one, or that say nothing about the schema. */
const redundant: Record<string, string[]> = {
  constraint: ['type', 'validated'],
  function: ['returnType', 'argSignature', 'language', 'isWindow'],
  procedure: ['returnType', 'argSignature', 'language', 'isWindow'],
  table: ['parentTable'],
}

const firing = { O: 'enabled', D: 'disabled', R: 'replica', A: 'always' }
/** What the catalog's one-letter codes mean, by kind and property. */
const letters: Record<string, Record<string, string>> = {
  'policy cmd': { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE', '*': 'ALL' },
  'table persistence': { p: 'permanent', u: 'unlogged', t: 'temporary' },
  'table replicaIdentity': { d: 'default', n: 'nothing', f: 'full', i: 'index' },
  'trigger enabled': firing,
  'rule enabled': firing,
  'eventTrigger enabled': firing,
}

const defaultPrivilegeTargets: Record<string, string> = {
  r: 'tables',
  S: 'sequences',
  f: 'functions',
  T: 'types',
  n: 'schemas',
  L: 'large objects',
}

/**
 * Describes everything that pg-delta models. Comments, grants, owners and defaults become properties of their object.
 * Members of extensions are left out, except for grants that somebody changed: the extension's name and version say
 * the rest.
 */
export function describeModelled(objects: SchemaObjects, facts: FactBase): void {
  const ofExtension = extensionMembers(facts)
  for (const fact of facts.facts()) {
    if (ofExtension.has(fact) && fact.id.kind !== 'acl') continue
    describeFact(objects, facts, fact)
  }
  for (const edge of facts.edges) {
    if (edge.kind !== 'owner' || edge.to.kind !== 'role') continue
    const owned = facts.get(edge.from)
    if (!owned || ofExtension.has(owned)) continue
    describe(objects, nameOf(facts, edge.from), {}, { owner: edge.to.name })
  }
}

function describeFact(objects: SchemaObjects, facts: FactBase, fact: Fact): void {
  const { id, payload } = fact
  switch (id.kind) {
    case 'comment':
      describe(objects, nameOf(facts, id.target), { comment: payload['text'] as string })
      return
    case 'securityLabel':
      describe(objects, nameOf(facts, id.target), {
        [`security label of ${displayIdentifier(id.provider)}`]: payload['label'] as string,
      })
      return
    case 'acl': {
      const relation = nameOf(facts, id.target)
      const target = id.column === undefined ? relation : namedColumn(relation, id.column)
      describe(objects, target, {}, { grants: [grantOf(id.grantee, payload)] })
      return
    }
    case 'defaultPrivilege':
      describe(objects, nameOf(facts, id), {}, { grants: [grantOf(id.grantee, payload)], roles: [id.role] })
      return
    case 'default':
      describe(objects, nameOf(facts, id), { default: payload['expr'] as string })
      return
    default:
      describe(objects, nameOf(facts, id), properties(id.kind, payload), {
        isListed: true,
        roles: rolesIn(fact),
      })
  }
}

/** The object of a fact as the fingerprint names it, with its parent. */
export function nameOf(facts: FactBase, id: StableId): ObjectName {
  const kind = kindWords[id.kind] ?? id.kind
  switch (id.kind) {
    case 'schema':
      return namedSchema(id.name)
    case 'role':
    case 'extension':
    case 'language':
    case 'eventTrigger':
    case 'publication':
    case 'subscription':
    case 'fdw':
    case 'server':
      return namedGlobally(kind, displayIdentifier(id.name))
    case 'index': {
      const table = facts.get(id)?.parent
      const named = namedInSchema(kind, id)
      return table ? { ...named, parent: keyOf(nameOf(facts, table)) } : named
    }
    case 'table':
    case 'view':
    case 'materializedView':
    case 'foreignTable':
    case 'sequence':
    case 'collation':
    case 'domain':
    case 'type':
      return namedInSchema(kind, id)
    case 'function':
    case 'procedure':
    case 'aggregate': {
      const named = namedInSchema(kind, id)
      return { ...named, name: `${named.name}(${id.args.join(', ')})` }
    }
    case 'column':
    case 'default': {
      const parent = facts.get({ ...id, kind: 'column' })?.parent
      const relation = parent ? nameOf(facts, parent) : namedInSchema('table', { ...id, name: id.table })
      return namedColumn(relation, id.name)
    }
    case 'constraint':
    case 'trigger':
    case 'rule':
    case 'policy': {
      const parent = facts.get(id)?.parent
      const owner = parent ? nameOf(facts, parent) : namedInSchema('table', { ...id, name: id.table })
      return namedOn(kind, id.name, owner)
    }
    case 'typeAttribute':
      return namedColumn(namedInSchema('type', { schema: id.schema, name: id.type }), id.name, 'attribute')
    case 'membership':
      return namedGlobally(
        'membership',
        `of ${displayIdentifier(id.member)} in ${displayIdentifier(id.role)}`,
      )
    case 'userMapping':
      return namedGlobally(
        'user mapping',
        `for ${displayIdentifier(id.role)} on ${displayIdentifier(id.server)}`,
      )
    case 'publicationRel': {
      const table = namedInSchema('table', { schema: id.schema, name: id.table })
      return {
        kind: 'published table',
        name: `${table.name} in ${displayIdentifier(id.publication)}`,
        schema: id.schema,
        parent: keyOf(namedGlobally('publication', displayIdentifier(id.publication))),
      }
    }
    case 'publicationSchema':
      return {
        kind: 'published schema',
        name: `${displayIdentifier(id.schema)} in ${displayIdentifier(id.publication)}`,
        schema: id.schema,
        parent: keyOf(namedGlobally('publication', displayIdentifier(id.publication))),
      }
    case 'defaultPrivilege': {
      const where = id.schema === null ? '' : ` in schema ${displayIdentifier(id.schema)}`
      return {
        kind: 'default privileges',
        name: `of ${displayIdentifier(id.role)} on ${defaultPrivilegeTargets[id.objtype] ?? id.objtype}${where}`,
        schema: id.schema,
        parent: id.schema === null ? null : keyOf(namedSchema(id.schema)),
      }
    }
    case 'comment':
    case 'acl':
    case 'securityLabel':
      return nameOf(facts, id.target)
    case 'extensionIntent':
      return namedGlobally(`${id.ext} ${id.intentKind}`, quote(id.key))
  }
}

/** The roles that a fact names, apart from owner and grantee. */
function rolesIn({ id, payload }: Fact): string[] {
  switch (id.kind) {
    case 'role':
      return [id.name]
    case 'membership':
      return [id.member, id.role]
    case 'policy':
      return payload['roles'] as string[]
    case 'userMapping':
      return [id.role]
    default:
      return []
  }
}

function grantOf(grantee: string, payload: Payload): Grant {
  return {
    grantee: grantee === 'PUBLIC' ? null : grantee,
    privileges: payload['privileges'] as string[],
    grantable: payload['grantable'] as string[],
  }
}

function properties(kind: string, payload: Payload): Record<string, PropertyValue> {
  const described: Record<string, PropertyValue> = {}
  for (const [property, value] of Object.entries(payload)) {
    // A leading underscore marks what pg-delta keeps for its own planner.
    if (property.startsWith('_') || redundant[kind]?.includes(property)) continue
    if (property === 'reloptions') {
      const prefix = kind === 'view' ? 'option' : 'storage parameter'
      Object.assign(described, spreadOptions(prefix, value as string[] | null))
    } else if (property === 'config') {
      Object.assign(described, spreadOptions('setting', value as string[]))
    } else if (property === 'identity') {
      Object.assign(described, identity(value as Identity | null))
    } else if (property === 'ownedBy') {
      const column = value as { schema: string; table: string; column: string } | null
      described['owned by'] =
        column && namedColumn(namedInSchema('table', { ...column, name: column.table }), column.column).name
    } else {
      described[propertyWords[property] ?? words(property)] = propertyValue(kind, property, value)
    }
  }
  return described
}

interface Identity {
  generation: string
  sequence: { schema: string; name: string } | null
  options: Record<string, string | boolean> | null
}

/** An identity column owns a sequence, whose options are set through the column. */
function identity(value: Identity | null): Record<string, PropertyValue> {
  if (value === null) return {}
  const options = Object.entries(value.options ?? {}).map(([option, set]) => [
    `identity ${words(option)}`,
    set,
  ])
  return {
    identity: value.generation === 'a' ? 'always' : 'by default',
    'identity sequence': value.sequence && display(value.sequence),
    ...(Object.fromEntries(options) as Record<string, PropertyValue>),
  }
}

function propertyValue(kind: string, property: string, value: Payload[string]): PropertyValue {
  if (value === null || value === undefined) return null
  if (property === 'roles') return (value as string[]).map((role) => (role === 'PUBLIC' ? 'public' : role))
  if (Array.isArray(value)) {
    return value.every((item) => typeof item === 'string') ? value : JSON.stringify(value)
  }
  if (typeof value === 'object') return JSON.stringify(value)
  if (typeof value === 'bigint') return value.toString()
  return letters[`${kind} ${property}`]?.[String(value)] ?? value
}

/** `replicaIdentity` -> `replica identity`. */
function words(camelCase: string): string {
  return camelCase.replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`)
}

/** The members of extensions, and everything that belongs to them. */
function extensionMembers(facts: FactBase): Set<Fact> {
  const members = new Set<Fact>()
  const include = (fact: Fact | undefined): void => {
    if (!fact || members.has(fact)) return
    members.add(fact)
    facts.childrenOf(fact.id).forEach(include)
  }
  for (const edge of facts.edges) if (edge.kind === 'memberOfExtension') include(facts.get(edge.from))
  return members
}
