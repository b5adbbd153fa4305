import { byTable } from '../../catalog/byTable.ts'
import type { TableIndex } from '../../catalog/indexes.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import type { Read } from '../../catalog/reader.ts'
import type { Database } from '../../postgres/database.ts'
import { display, displayIdentifier, quote } from '../../postgres/identifiers.ts'
import { listTypeEqualities } from '../../catalog/typeEqualities.ts'
import { disjunction } from '../../syntax/build.ts'
import { canonical, deparseExpression, parseExpression, sameTree } from '../../syntax/expression.ts'
import { excerpt } from '../../syntax/excerpt.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, conjuncts, nodesIn, words } from '../../syntax/nodes.ts'
import type { Access, Comparison } from '../read/comparedColumns.ts'
import { accessTo, columnOf, tablesLookedInto } from '../read/comparedColumns.ts'
import { isIndexable } from '../read/indexableExpression.ts'
import type { PolicyOnTable, PolicyCatalog } from '../read/policyCatalog.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'

/** A column or expression that policies compare and that no index leads on. */
export interface PolicyIndex {
  table: CatalogTable
  /** The column, or undefined for an expression. */
  column?: string
  /** The key as it stands in CREATE INDEX: `"owner_id"`, `(lower(email))`. */
  key: string
  method: Comparison['method']
  /** The policies that compare it, each with its table; a policy of another table may read this one. */
  policies: PolicyOnTable[]
  /** Why an index on it would not be used, or cannot be made; undefined if it would help. */
  useless?: string
}

/** How types are compared, and what the existing indexes lead on. */
export interface IndexCatalog {
  /** Indexes that can be searched for one value: B-tree and hash, and GIN for what arrays and JSON hold. */
  indexes: TableIndex[]
  /** Types that a B-tree can index, and whether their `=` is leakproof. */
  leakproof: Map<string, boolean>
}

export async function readIndexCatalog(_: Database, read: Read): Promise<IndexCatalog> {
  const indexes = (await read(listIndexes)).filter(
    ({ accessMethod, isValid, isReady }) =>
      ['btree', 'hash', 'gin'].includes(accessMethod) && isValid && isReady,
  )
  const equalities = await read(listTypeEqualities)
  return { indexes, leakproof: new Map(equalities.map(({ type, isLeakproof }) => [type, isLeakproof])) }
}

/**
 * The indexes that policies need. Every row of a query has to pass the policies of its role. If each arm of these compares
 * a column with something that is the same for the whole statement, indexes on those columns find the rows; else all rows
 * must be read.
 *
 * ```sql
 * USING (owner_id = (SELECT auth.uid()))   -- reads all rows, or with an index on owner_id only the caller's own
 * ```
 *
 * Permissive policies are joined by OR: if one of them can use no index, an index for the others is useless. PostgreSQL
 * evaluates restrictive policies first, and uses an index for a later condition only if its operator is leakproof. The
 * first condition may use any operator.
 */
export async function findPolicyIndexes(
  catalog: PolicyCatalog,
  indexes: IndexCatalog,
): Promise<PolicyIndex[]> {
  const found = new Map<string, PolicyIndex>()
  const add = (index: PolicyIndex): void => {
    const id = `${index.table.oid} ${index.method} ${index.key}`
    const known = found.get(id)
    if (!known) {
      found.set(id, index)
      return
    }
    known.policies = [...new Set([...known.policies, ...index.policies])]
    // An index that is useless for one role may help another.
    if (index.useless === undefined) delete known.useless
  }
  const reader = new PolicyReader(catalog, indexes)
  for (const policies of byTable(catalog.policies).values()) {
    const [first] = policies
    if (!first || !['r', 'p'].includes(first.table.kind)) continue
    for (const index of await reader.ownIndexes(first.table, policies)) add(index)
    for (const index of await reader.lookedUpIndexes(policies)) add(index)
  }
  return [...found.values()]
}

/** Parses each expression once, for all roles and commands. */
class PolicyReader {
  private readonly catalog: PolicyCatalog
  private readonly leakproof: Map<string, boolean>
  private readonly indexes: Map<number, TableIndex[]>
  private readonly byName: Map<string, CatalogTable>
  private readonly trees = new Map<string, Node | undefined>()

  constructor(catalog: PolicyCatalog, indexes: IndexCatalog) {
    this.catalog = catalog
    this.leakproof = indexes.leakproof
    this.indexes = byTable(indexes.indexes)
    this.byName = new Map(Array.from(catalog.tables.values(), (table) => [display(table), table]))
  }

  async ownIndexes(table: CatalogTable, policies: PolicyOnTable[]): Promise<PolicyIndex[]> {
    await this.parseKeys(table)
    const found: PolicyIndex[] = []
    const roles = new Set(policies.flatMap((policy) => (policy.roles.length > 0 ? policy.roles : [''])))
    for (const command of ['SELECT', 'UPDATE', 'DELETE']) {
      for (const role of roles) {
        const meets = policies.filter(
          (policy) =>
            (policy.command === command || policy.command === 'ALL') &&
            policy.using !== null &&
            (policy.roles.length === 0 || policy.roles.includes(role)),
        )
        found.push(...(await this.indexesFor(table, meets)))
      }
    }
    return found
  }

  /** The indexes for the policies that apply to one role and one command. */
  private async indexesFor(table: CatalogTable, policies: PolicyOnTable[]): Promise<PolicyIndex[]> {
    const permissive = policies.filter((policy) => policy.permissive)
    if (permissive.length === 0) return []
    const restrictive = policies.filter((policy) => !policy.permissive)
    const ways: { access: Access; mustBeLeakproof: boolean }[] = []
    // The server evaluates the restrictive ones first, each in turn, and then the permissive ones, joined by OR.
    for (const [position, each] of [...restrictive.map((one) => [one]), permissive].entries()) {
      const trees = await this.treesOf(each)
      const predicate = trees && disjunction(trees)
      if (!predicate) continue
      const access = accessTo(predicate, {
        table: table.name,
        isVolatile: (name) => this.isVolatile(name, each),
        isIndexed: (comparison) => this.isIndexed(table, comparison),
        columnOf: (key) => columnIn(table, key),
      })
      ways.push({ access, mustBeLeakproof: position > 0 })
    }
    const served = ways.filter(({ access }) => access.kind === 'keys')
    const chosen = served.length > 0 ? served : ways
    // A policy can use an index if any one of its AND-ed conditions can.
    const missing = chosen.map((way) => ({
      ...way,
      keys: way.access.keys.filter((key) => !this.isIndexed(table, key)),
    }))
    if (
      served.length > 0 &&
      missing.some(({ keys, mustBeLeakproof }) => keys.length === 0 && !mustBeLeakproof)
    )
      return []
    const found: PolicyIndex[] = []
    for (const { access, keys, mustBeLeakproof } of missing) {
      // Arms that compare the same key share one index.
      for (const key of new Map(keys.map((each) => [canonical(each.key), each])).values()) {
        const using = policies.filter((policy) => this.mentions(policy, key))
        const useless = this.whyUseless(table, key, access, mustBeLeakproof, policies)
        found.push(await toIndex(table, key, using, useless))
      }
    }
    return found
  }

  private whyUseless(
    table: CatalogTable,
    { column, key, method }: Comparison,
    access: Access,
    mustBeLeakproof: boolean,
    policies: PolicyOnTable[],
  ): string | undefined {
    if (access.kind === 'scan') {
      const [arm] = access.because
      const policy = arm && policies.find((each) => this.mentions(each, { key: arm }))
      return (
        `policy ${policy ? displayIdentifier(policy.name) : 'another one'} lets rows in by a condition that cannot ` +
        `use an index, so every row is read anyway`
      )
    }
    const type = table.columns.find(({ name }) => name === column)?.type
    if (method === 'gin') {
      if (type === undefined || !(type.endsWith('[]') || type === 'jsonb'))
        return `type ${type ?? 'of the expression'} has no GIN index of its own`
      return mustBeLeakproof
        ? 'its operator is not leakproof, and a restrictive policy is evaluated first: PostgreSQL does not use an index for what comes after it'
        : undefined
    }
    if (type !== undefined && !this.leakproof.has(type))
      return `type ${type} has no order that a B-tree could use`
    if (column === undefined && !isIndexable(key, table, this.catalog)) {
      return 'an index can only be made on an expression of IMMUTABLE functions'
    }
    if (!mustBeLeakproof || (type !== undefined && this.leakproof.get(type))) return undefined
    return (
      `the equality of ${type === undefined ? 'the expression' : `type ${type}`} is not leakproof, and a restrictive ` +
      'policy is evaluated first: PostgreSQL does not use an index for what comes after it'
    )
  }

  async lookedUpIndexes(policies: PolicyOnTable[]): Promise<PolicyIndex[]> {
    const found: PolicyIndex[] = []
    for (const policy of policies) {
      for (const text of [policy.using, policy.check]) {
        const tree = text === null ? undefined : await this.parse(text)
        for (const { schema, table: name, columns } of tree ? tablesLookedInto(tree) : []) {
          const table = this.tableOf(schema, name)
          if (!table) continue
          await this.parseKeys(table)
          if (columns.some((column) => this.leadsOn(table, column))) continue
          const column =
            columns.find((each) => this.leakproof.has(this.typeOf(table, each) ?? '')) ?? columns[0]
          if (column === undefined) continue
          const type = this.typeOf(table, column) ?? ''
          const useless = this.leakproof.has(type)
            ? table.rowSecurity && !this.leakproof.get(type)
              ? `the equality of type ${type} is not leakproof, and the table has row-level security of its own`
              : undefined
            : `type ${type} has no order that a B-tree could use`
          const key = { ColumnRef: { fields: [{ String: { sval: column } }] } }
          const looked: Comparison = { key, column, method: 'btree', conditions: [] }
          found.push(await toIndex(table, looked, [policy], useless))
        }
      }
    }
    return found
  }

  private tableOf(schema: string, name: string): CatalogTable | undefined {
    const table = this.byName.get(display({ schema, name }))
    return table && ['r', 'p'].includes(table.kind) ? table : undefined
  }

  private typeOf(table: CatalogTable, column: string): string | undefined {
    return table.columns.find(({ name }) => name === column)?.type
  }

  private leadsOn(table: CatalogTable, column: string): boolean {
    return (this.indexes.get(table.oid) ?? []).some(
      ({ keys: [key], predicate, accessMethod }) =>
        accessMethod !== 'gin' &&
        key?.column?.name === column &&
        (predicate === null || isNotNull(this.trees.get(predicate), column)),
    )
  }

  private isIndexed(table: CatalogTable, { column, key, method, conditions }: Comparison): boolean {
    return (this.indexes.get(table.oid) ?? []).some((index) => {
      if ((index.accessMethod === 'gin') !== (method === 'gin')) return false
      const predicate = index.predicate === null ? undefined : this.trees.get(index.predicate)
      const holds =
        index.predicate === null ||
        (column !== undefined && isNotNull(predicate, column)) ||
        (predicate !== undefined &&
          conjuncts(predicate).every((part) => conditions.some((condition) => sameTree(part, condition))))
      if (!holds) return false
      // GIN finds each of its columns as fast as the first.
      if (method === 'gin') return index.keys.some((each) => each.column?.name === column)
      const [leading] = index.keys
      if (column !== undefined) return leading?.column?.name === column
      const tree = this.trees.get(leading?.text ?? '')
      return tree !== undefined && sameTree(tree, key)
    })
  }

  private async parseKeys(table: CatalogTable): Promise<void> {
    for (const { keys, predicate } of this.indexes.get(table.oid) ?? []) {
      if (keys[0]) await this.parse(keys[0].text)
      if (predicate !== null) await this.parse(predicate)
    }
  }

  private async treesOf(policies: PolicyOnTable[]): Promise<Node[] | undefined> {
    const trees: Node[] = []
    for (const { using } of policies) {
      const tree = using === null ? undefined : await this.parse(using)
      if (!tree) return undefined
      trees.push(tree)
    }
    return trees
  }

  private async parse(text: string): Promise<Node | undefined> {
    // Another rule reports a policy that cannot be parsed; we do not know what it compares.
    if (!this.trees.has(text)) this.trees.set(text, await parseExpression(text).catch(() => undefined))
    return this.trees.get(text)
  }

  private mentions({ using }: PolicyOnTable, { key }: { key: Node }): boolean {
    const tree = using === null ? undefined : this.trees.get(using)
    if (!tree) return false
    for (const node of nodesIn(tree)) if (sameTree(node, key)) return true
    return false
  }

  private isVolatile(name: string[], policies: PolicyOnTable[]): boolean {
    const [schema, last] = [name.at(-2) ?? 'pg_catalog', name.at(-1) ?? '']
    if (schema === 'pg_catalog') return this.catalog.functions.builtin.get(last)?.volatility === 'volatile'
    const called = policies.flatMap(({ functions }) => functions)
    return called.some(
      (each) => each.schema === schema && each.name === last && each.volatility === 'volatile',
    )
  }
}

async function toIndex(
  table: CatalogTable,
  { column, key, method }: Comparison,
  policies: PolicyOnTable[],
  useless: string | undefined,
): Promise<PolicyIndex> {
  const text = await deparseExpression(key)
  return {
    table,
    ...(column === undefined ? {} : { column }),
    key: column === undefined ? `(${text})` : quote(column),
    method,
    policies,
    ...(useless === undefined ? {} : { useless }),
  }
}

/** PostgreSQL prints a compared `varchar` column as `(name)::text`; an index on the column serves that too. */
function columnIn(table: CatalogTable, key: Node): string | undefined {
  const cast = as(key, 'TypeCast')
  if (!cast) return columnOf(key)
  const column = columnOf(cast.arg)
  const type = table.columns.find(({ name }) => name === column)?.type
  const isText = words(cast.typeName.names ?? []).at(-1) === 'text'
  return isText && type?.startsWith('character varying') ? column : undefined
}

/** Whether it is `column IS NOT NULL`, which every search for a value implies. */
function isNotNull(predicate: Node | undefined, column: string): boolean {
  const test = as(predicate, 'NullTest')
  return test?.nulltesttype === 'IS_NOT_NULL' && columnOf(test.arg) === column
}

/** For messages: the expression or column as a person would write it. */
export function showKey({ column, key }: PolicyIndex): string {
  return column === undefined ? excerpt(key) : displayIdentifier(column)
}
