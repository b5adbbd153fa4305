import type { CatalogFunction } from '../../../catalog/functions.ts'
import { display } from '../../../postgres/identifiers.ts'
import type { Node } from '../../../syntax/nodes.ts'
import { as } from '../../../syntax/nodes.ts'
import type { NamedRelation } from '../../../syntax/relations.ts'
import { relationsIn } from '../../../syntax/relations.ts'
import { makesValues, runsText } from './builtins.ts'
import type { Code } from './code.ts'
import {
  bodyOf,
  functionWithOid,
  functionsNamed,
  relationsNamed,
  rowActionsOf,
  unnamedFunctions,
  viewQuery,
} from './code.ts'
import { judgedWith } from './judgedWith.ts'
import type { CodeName } from './treeFacts.ts'
import { factsOf } from './treeFacts.ts'

/** What the commands that a table's policies judge may change while they run. */
export interface Effects {
  /** The tables, by oid, with the reason as a phrase: empty for the table itself. */
  tables: Map<number, string>
  /** Why that may be more, as a phrase: `the trigger audit on public.docs calls public.log(), which runs dynamic SQL`. */
  unknown?: string
  /** What changes settings of the session. */
  settings?: string
}

/**
 * Follows the commands on the table, and on every relation whose policies or query evaluate its policies, into all that
 * they may change: partitions and parents, tables to which foreign keys cascade, and whatever is written by triggers,
 * rules, defaults, checks and by functions that the policies call.
 */
export function effectsOf(tableOid: number, code: Code): Effects {
  const walk = new Walk(code)
  for (const { functionOid, what } of code.implicit) walk.functionWithOid(functionOid, what)
  for (const [oid, how] of judgedWith(tableOid, code)) walk.changed(oid, how)
  return walk.effects
}

class Walk {
  readonly effects: Effects = { tables: new Map() }
  readonly #code: Code
  readonly #seen = new Set<number>()
  readonly #read = new Set<number>()

  constructor(code: Code) {
    this.#code = code
  }

  /** The rows of a relation may change. */
  changed(oid: number, how: string): void {
    const table = this.#code.tables.get(oid)
    if (!table) {
      this.effects.unknown ??= `a table that cannot be seen may change (${how})`
      return
    }
    if (this.effects.tables.has(oid)) return
    if (table.kind === 'f') this.effects.unknown ??= `${display(table)} is a foreign table (${how})`
    this.effects.tables.set(oid, how)
    const shown = display(table)
    for (const { to, how: way } of this.#code.beyond.get(oid) ?? []) this.changed(to, `${way} ${shown}`)
    for (const { what, functionOid, trees } of rowActionsOf(this.#code, oid)) {
      const place = `${what} on ${shown}`
      if (functionOid !== null) this.functionWithOid(functionOid, place)
      if (!trees) this.effects.unknown ??= `${place} cannot be read`
      for (const tree of trees ?? []) this.#tree(tree, place)
    }
    this.#policiesOf(oid, shown)
    if (table.kind === 'v') this.#changedView(oid, shown)
  }

  functionWithOid(oid: number, place: string): void {
    const called = functionWithOid(this.#code, oid)
    if (called) this.#function(called, place)
  }

  /** A command on a view with one relation in FROM may change that relation. */
  #changedView(oid: number, shown: string): void {
    const query = viewQuery(this.#code, oid)
    if (!query) {
      this.effects.unknown ??= `the view ${shown} cannot be read`
      return
    }
    const [only, ...others] = as(query, 'SelectStmt')?.fromClause ?? []
    if (!only || others.length > 0 || !as(only, 'RangeVar')) return
    for (const base of relationsIn(only).flatMap((each) => relationsNamed(this.#code, each)))
      this.changed(base.oid, `the view ${shown} stands for it`)
  }

  #function(called: CatalogFunction, place: string): void {
    if (this.#seen.has(called.oid)) return
    this.#seen.add(called.oid)
    const shown = `${display(called)}()`
    const body = bodyOf(this.#code, called)
    if (!body) {
      if (called.kind === 'a' || called.kind === 'w' || isHarmless(called)) return
      const why = this.#code.reach.unreadable.get(called.oid) ?? 'its body is not known'
      this.effects.unknown ??= `${place} calls ${shown}, and ${why}`
      return
    }
    if (body.isDynamic) this.effects.unknown ??= `${place} calls ${shown}, which runs dynamic SQL`
    for (const part of [...body.parts, ...(body.defaults ?? [])])
      this.#tree(part, `${place} calls ${shown}, which`)
  }

  #tree(tree: Node, place: string): void {
    const facts = factsOf(tree)
    const says = (what: string) => `${place} ${what}`
    const { otherStatement } = facts
    if (otherStatement === 'VariableSet') this.effects.settings ??= says('has SET')
    else if (otherStatement !== undefined)
      this.effects.unknown ??= says(`has ${otherStatement.toUpperCase()}`)
    for (const relation of facts.writes) this.#writes(relation, says)
    for (const call of facts.calls) this.#call(call, place, says)
    for (const called of unnamedFunctions(this.#code, facts)) this.#function(called, place)
    for (const relation of facts.reads)
      for (const { oid } of relationsNamed(this.#code, relation)) this.#reads(oid)
  }

  #writes(relation: NamedRelation, says: (what: string) => string): void {
    const found = relationsNamed(this.#code, relation)
    if (found.length === 0) this.effects.unknown ??= says(`writes ${relation.name}, which is not known`)
    for (const each of found) this.changed(each.oid, says('writes it'))
  }

  #call(name: CodeName, place: string, says: (what: string) => string): void {
    const own = functionsNamed(this.#code, name)
    const isBuiltin = name.schema === undefined || name.schema === 'pg_catalog'
    if (isBuiltin && ['set_config', 'setseed'].includes(name.name))
      this.effects.settings ??= says(`calls ${name.name}()`)
    if (isBuiltin && runsText.has(name.name))
      this.effects.unknown ??= says(`calls ${name.name}(), which runs a query from text`)
    const isKnown = isBuiltin && this.#code.reach.functions.builtin.has(name.name)
    if (!isKnown && own.length === 0)
      this.effects.unknown ??= says(`calls ${name.name}(), of which nothing is known`)
    for (const called of own) this.#function(called, place)
  }

  /** Reading runs the functions of a view's query and of policies. */
  #reads(oid: number): void {
    if (this.#read.has(oid)) return
    this.#read.add(oid)
    const table = this.#code.tables.get(oid)
    if (!table) return
    const shown = display(table)
    if (table.kind === 'v') {
      const query = viewQuery(this.#code, oid)
      if (query) this.#tree(query, `the view ${shown}`)
      else this.effects.unknown ??= `the view ${shown} cannot be read`
    }
    if (table.rowSecurity) this.#policiesOf(oid, shown)
  }

  #policiesOf(oid: number, shown: string): void {
    for (const tree of this.#code.policies.get(oid) ?? []) {
      if (tree) this.#tree(tree, `a policy of ${shown}`)
      else this.effects.unknown ??= `a policy of ${shown} cannot be read`
    }
  }
}

/** Functions in C that are STABLE or IMMUTABLE may not change rows; of the others a few are known. */
function isHarmless({ language, volatility, source }: CatalogFunction): boolean {
  return language === 'c' && (volatility !== 'volatile' || makesValues.has(source))
}
