import { sql } from '../../postgres/sql.ts'
import { findPoliciesOf } from '../../catalog/policies.ts'
import { listRoles } from '../../catalog/roles.ts'
import { listEnums } from '../../catalog/types.ts'
import type { Database } from '../../postgres/database.ts'
import { qualified } from '../../postgres/identifiers.ts'
import { parseExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { relationsIn } from '../../syntax/relations.ts'
import type { Statement } from '../../syntax/statements.ts'
import { splitStatements } from '../../syntax/statements.ts'
import type { Bodies } from './declarations.ts'
import { namesCalledIn } from './declarations.ts'
import type { FunctionBody } from './functionBody.ts'
import { readBody } from './functionBody.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { findFunctionsNamed } from '../../catalog/functions.ts'
import type { Functions } from './functionCatalog.ts'
import type { CatalogTable } from './tableCatalog.ts'

/** A policy for SELECT or ALL of a table that expressions read. */
export interface ReadPolicy {
  using: Node | undefined
}

/** Everything that evaluating some expressions can reach: functions, and the relations that they read. */
export interface Reach extends Bodies {
  /** Relations by name, in whatever schema. */
  relations: Map<string, CatalogTable[]>
  /** The queries of views, by oid; absent where they cannot be read. */
  views: Map<number, Node>
  /** Policies that apply to reading a table, by the table's oid. */
  policies: Map<number, ReadPolicy[]>
  /** Roles to which row-level security does not apply. */
  bypassing: Set<string>
  /** Enum types as `format_type` prints them: they use built-in operators. */
  enums: Set<string>
}

/** Where relations and their policies are found. */
export interface RelationSource {
  named(names: string[]): Promise<CatalogTable[]>
  policiesOf(tables: CatalogTable[]): Promise<Map<number, ReadPolicy[]>>
}

/**
 * Follows expressions into the functions that they call, the views and tables that these read, the policies of those
 * tables, and so on until nothing new is found. A name without a schema stands for everything of that name.
 *
 * @param called functions that are known already
 */
export async function readReach(
  db: Database,
  functions: Functions,
  start: { trees: Node[]; called: CatalogFunction[] },
  source: RelationSource,
): Promise<Reach> {
  const reach: Reach = {
    functions,
    bodies: new Map(),
    unreadable: new Map(),
    byName: new Map(),
    relations: new Map(),
    views: new Map(),
    policies: new Map(),
    bypassing: new Set((await listRoles(db)).flatMap(({ name, isExempt }) => (isExempt ? name : []))),
    enums: await listEnums(db),
  }
  await extendReach(db, reach, start, source)
  return reach
}

/** Adds to what is known everything that further expressions and functions can reach. */
export async function extendReach(
  db: Database,
  reach: Reach,
  start: { trees: Node[]; called: CatalogFunction[] },
  source: RelationSource,
): Promise<void> {
  let open = [...start.trees, ...(await readBodiesOf(start.called, reach))]
  while (open.length > 0) {
    const names = namesCalledIn(open).filter((name) => !reach.byName.has(name))
    const relationNames = [
      ...new Set(open.flatMap((tree) => relationsIn(tree).map(({ name }) => name))),
    ].filter((name) => !reach.relations.has(name))
    open = [
      ...(await readBodiesOf(await functionsOf(db, names, reach), reach)),
      ...(await queriesOf(db, relationNames, reach, source)),
    ]
  }
}

async function functionsOf(db: Database, names: string[], { byName }: Reach): Promise<CatalogFunction[]> {
  for (const name of names) byName.set(name, [])
  const found = await findFunctionsNamed(db, names)
  for (const each of found) byName.get(each.name)?.push(each)
  return found
}

async function readBodiesOf(functions: CatalogFunction[], { bodies, unreadable }: Reach): Promise<Node[]> {
  const parts: Node[] = []
  for (const each of functions) {
    if (bodies.has(each.oid) || unreadable.has(each.oid)) continue
    const body: FunctionBody | { unreadable: string } =
      each.kind === 'f' ? await readBody(each) : { unreadable: 'it is an aggregate' }
    if ('unreadable' in body) {
      unreadable.set(each.oid, body.unreadable)
      continue
    }
    bodies.set(each.oid, body)
    parts.push(...body.parts, ...(body.defaults ?? []))
  }
  return parts
}

/** The queries of the views, and the policies' predicates of the tables, with these names. */
async function queriesOf(
  db: Database,
  names: string[],
  { relations, views, policies }: Reach,
  source: RelationSource,
): Promise<Node[]> {
  if (names.length === 0) return []
  for (const name of names) relations.set(name, [])
  const found = await source.named(names)
  for (const each of found) relations.get(each.name)?.push(each)
  const queries: Node[] = []
  for (const [oid, query] of await readViews(db, found)) {
    views.set(oid, query)
    queries.push(query)
  }
  for (const [oid, own] of await source.policiesOf(found.filter(({ rowSecurity }) => rowSecurity))) {
    policies.set(oid, own)
    for (const { using } of own) if (using) queries.push(using)
  }
  return queries
}

async function readViews(db: Database, tables: CatalogTable[]): Promise<Map<number, Node>> {
  const oids = tables.filter(({ kind }) => kind === 'v').map(({ oid }) => oid)
  if (oids.length === 0) return new Map()
  const { rows } = await sql<{ oid: number; query: string }>`
    SELECT oid, pg_catalog.pg_get_viewdef(oid) AS query FROM pg_catalog.unnest(${oids}::oid[]) AS v(oid)`.execute(
    db,
  )
  const views = new Map<number, Node>()
  for (const { oid, query } of rows) {
    const [only] = await splitStatements(query).catch((): Statement[] => [])
    if (only) views.set(oid, only.node)
  }
  return views
}

/**
 * Every function that evaluating the expression may reach, as a call without arguments: `"auth"."uid"()`. A name
 * without a schema stands for everything of that name.
 */
export function callsReached(start: Node, reach: Reach): Set<string> {
  const calls = new Set<string>()
  const parts = new Set([start])
  // The loop also visits the parts that are added while it runs.
  for (const part of parts) {
    const functions = namesCalledIn([part]).flatMap((name) => reach.byName.get(name) ?? [])
    const relations = relationsIn(part).flatMap(({ name }) => reach.relations.get(name) ?? [])
    for (const each of functions) calls.add(`${qualified(each)}()`)
    const next = [
      ...functions.flatMap(({ oid }) => reach.bodies.get(oid)?.parts ?? []),
      ...relations.map(({ oid }) => reach.views.get(oid)),
      ...relations.flatMap(({ oid }) => (reach.policies.get(oid) ?? []).map(({ using }) => using)),
    ]
    for (const each of next) if (each) parts.add(each)
  }
  return calls
}

/** The present policies for SELECT and ALL of the tables. For one that cannot be parsed, `using` is undefined. */
export async function readSelectPolicies(
  db: Database,
  tables: CatalogTable[],
): Promise<Map<number, ReadPolicy[]>> {
  const policies = new Map<number, ReadPolicy[]>()
  for (const { tableOid, command, using } of await findPoliciesOf(
    db,
    tables.map(({ oid }) => oid),
  )) {
    if (command !== 'SELECT' && command !== 'ALL') continue
    const tree = using === null ? undefined : await parseExpression(using).catch(() => undefined)
    policies.set(tableOid, [...(policies.get(tableOid) ?? []), { using: tree }])
  }
  return policies
}
