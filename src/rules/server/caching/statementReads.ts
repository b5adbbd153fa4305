import type { CatalogFunction } from '../../../catalog/functions.ts'
import type { ReadRights } from '../../../catalog/readRights.ts'
import type { CatalogTable } from '../../../policies/read/tableCatalog.ts'
import { display } from '../../../postgres/identifiers.ts'
import { shortList } from '../../../shortList.ts'
import type { Node } from '../../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../../syntax/nodes.ts'
import type { NamedRelation } from '../../../syntax/relations.ts'
import { relationsIn } from '../../../syntax/relations.ts'
import type { Refusal } from './refusal.ts'
import { certain, unclear } from './refusal.ts'
import type { Readers } from './sharedTables.ts'
import { whyNotShared } from './sharedTables.ts'
import type { Callable } from './steadyExpressions.ts'
import { judgeCall, judgeNode } from './steadyExpressions.ts'

/** What is known of everything that the statements can reach. */
export interface Known extends Readers, Callable {
  /** Functions that take a row, which `row.name` calls where the row has no such column. */
  rowFunctions: CatalogFunction[]
}

/** A table that a statement reads, and how often it is named on the way. */
export interface ReadTable {
  table: CatalogTable
  mentions: number
}

/** Everything that a statement reads, and what speaks against sharing its answer. */
export interface StatementReads {
  tables: ReadTable[]
  refusals: Refusal[]
}

/**
 * Follows a statement into views, functions and the policies of its tables. Of a name that may mean several things, all are
 * followed or it is refused.
 */
export function followStatement(statement: Node, sender: ReadRights, known: Known): StatementReads {
  const walk = new Walk(sender, known)
  walk.follow(statement, true)
  walk.refuseRowFunctions()
  return { tables: [...walk.tables.values()], refusals: walk.refusals }
}

class Walk {
  readonly tables = new Map<number, ReadTable>()
  readonly refusals: Refusal[] = []
  readonly #relations = new Map<number, CatalogTable>()
  readonly #names = new Set<string>()
  readonly #followed = { asSender: new Set<Node>(), asOwner: new Set<Node>() }
  readonly #sender: ReadRights
  readonly #known: Known

  constructor(sender: ReadRights, known: Known) {
    this.#sender = sender
    this.#known = known
  }

  follow(tree: Node, isSender: boolean): void {
    const followed = isSender ? this.#followed.asSender : this.#followed.asOwner
    if (followed.has(tree)) return
    followed.add(tree)
    const { reach } = this.#known
    const nodes = nodesIn(tree)
    const queries = new Set(nodes.flatMap((node) => as(node, 'CommonTableExpr')?.ctename ?? []))
    for (const relation of relationsIn(tree)) this.#read(relation, queries, isSender)
    for (const node of nodes) {
      this.#refuse(judgeNode(node, reach))
      for (const part of [as(node, 'ColumnRef')?.fields.slice(1), as(node, 'A_Indirection')?.indirection])
        for (const name of words(part ?? [])) this.#names.add(name)
      const call = as(node, 'FuncCall')
      if (!call) continue
      const { refusal, follow } = judgeCall(call, this.#known)
      this.#refuse(refusal)
      for (const each of follow)
        for (const part of reach.bodies.get(each.oid)?.parts ?? [])
          this.follow(part, isSender && !each.isSecurityDefiner)
    }
  }

  /** `cities.full_name` calls `full_name(cities)` where the table has no such column. */
  refuseRowFunctions(): void {
    for (const each of this.#known.rowFunctions) {
      if (!this.#names.has(each.name)) continue
      const [type = ''] = each.argumentTypes
      const isCalled = Array.from(this.#relations.values()).some(
        (relation) =>
          (display(relation) === type || ['record', 'anyelement'].includes(type)) &&
          !relation.columns.some(({ name }) => name === each.name),
      )
      if (isCalled) this.#refuse(unclear(`it may call ${display(each)}() as if it were a column`))
    }
  }

  #refuse(refusal: Refusal | undefined): void {
    if (refusal) this.refusals.push(refusal)
  }

  #read({ schema, name }: NamedRelation, queries: ReadonlySet<string>, isSender: boolean): void {
    const { reach } = this.#known
    const named = (reach.relations.get(name) ?? []).filter(
      (each) => schema === undefined || each.schema === schema,
    )
    const reachable =
      schema === undefined && isSender ? named.filter(({ oid }) => this.#sender.readable.has(oid)) : named
    const [only, ...others] = reachable
    if (!only) {
      if (schema === undefined && queries.has(name)) return
      const isOfSystem = schema === 'pg_catalog' || schema === 'information_schema' || name.startsWith('pg_')
      this.#refuse(
        isOfSystem
          ? certain(`it reads ${name}, which is PostgreSQL's own`)
          : unclear(`it reads ${name}, which is not in the catalog`),
      )
      return
    }
    if (others.length > 0) {
      this.#refuse(unclear(`${name} may be ${shortList(reachable.map(display))}: search_path decides`))
      return
    }
    this.#relations.set(only.oid, only)
    if (only.kind === 'v') this.#readView(only, isSender)
    else this.#readTable(only, isSender)
  }

  #readView(view: CatalogTable, isSender: boolean): void {
    const { reach, partlyReadable } = this.#known
    const query = reach.views.get(view.oid)
    if (!query) this.#refuse(unclear(`the query of the view ${display(view)} cannot be read`))
    else this.follow(query, isSender && view.isSecurityInvoker)
    if (partlyReadable.has(view.oid))
      this.#refuse(certain(`some columns of ${display(view)} are granted to some roles only`))
  }

  #readTable(table: CatalogTable, isSender: boolean): void {
    const seen = this.tables.get(table.oid)
    this.tables.set(table.oid, { table, mentions: (seen?.mentions ?? 0) + 1 })
    this.#refuse(whyNotShared(table, isSender ? this.#sender : undefined, this.#known))
    if (!table.rowSecurity) return
    for (const { using } of this.#known.reach.policies.get(table.oid) ?? []) {
      if (using) this.follow(using, isSender)
      else this.#refuse(unclear(`a policy of ${display(table)} cannot be read`))
    }
  }
}
