import type { CatalogFunction } from '../../../catalog/functions.ts'
import { display } from '../../../postgres/identifiers.ts'
import type { Node } from '../../../syntax/nodes.ts'
import type { NamedRelation } from '../../../syntax/relations.ts'
import { otherSettingOf } from '../searchPath.ts'
import type { CatalogTable } from '../tableCatalog.ts'
import { whyUnsteady } from './builtins.ts'
import type { Code } from './code.ts'
import {
  bodyOf,
  functionWithOid,
  functionsNamed,
  relationsNamed,
  unnamedFunctions,
  viewQuery,
} from './code.ts'
import type { CodeName } from './treeFacts.ts'
import { factsOf } from './treeFacts.ts'

/** What a function reads, if reading is all that it and everything that it calls do. */
export interface Readings {
  /** The tables, by oid, with the way to each as a phrase: empty, or ` through the view public.v`. */
  tables: Map<number, string>
  /** It asks who is calling, or another setting of the session. */
  asksSession: boolean
}

/** Whose rights count: functions run as `user`, relations are read as `reader`; undefined for the caller. */
interface Rights {
  user: string | undefined
  reader: string | undefined
}

/** Where something was found: in what, and through which views and functions. */
interface Place {
  what: string
  through: string
}

class Refused extends Error {}

/**
 * Follows the function into everything that calling it may run: other functions, the team's own operators, casts and
 * domains, views, and the policies of the tables that it reads. A name without a schema stands for everything of that
 * name.
 *
 * @returns a phrase that names what forbids it, if it does more than read, or if something cannot be read
 */
export function readingsOf(start: CatalogFunction, code: Code): Readings | { refusal: string } {
  const readings: Readings = { tables: new Map(), asksSession: false }
  const walk = new Walk(code, readings)
  try {
    walk.function(start, undefined, '')
    for (const { functionOid, what } of code.implicit) {
      const called = functionWithOid(code, functionOid)
      if (called) walk.function(called, undefined, ` through ${what}`)
    }
    return readings
  } catch (error) {
    if (error instanceof Refused) return { refusal: error.message }
    throw error
  }
}

class Walk {
  readonly #code: Code
  readonly #readings: Readings
  readonly #seen = new Set<string>()

  constructor(code: Code, readings: Readings) {
    this.#code = code
    this.#readings = readings
  }

  function(called: CatalogFunction, user: string | undefined, through: string): void {
    const runsAs = called.isSecurityDefiner ? called.owner : user
    if (this.#isSeen('function', called.oid, runsAs)) return
    const what = `${display(called)}()`
    const body = bodyOf(this.#code, called)
    if (!body) {
      const why = this.#code.reach.unreadable.get(called.oid) ?? 'its body is not known'
      throw new Refused(`${what} cannot be read: ${why}`)
    }
    const setting = otherSettingOf(called)
    if (setting !== undefined) throw new Refused(`${what} sets ${setting} while it runs`)
    if (body.isDynamic) throw new Refused(`${what} runs dynamic SQL`)
    if (body.acts !== undefined) throw new Refused(`${what} ${body.acts}`)
    for (const part of [...body.parts, ...(body.defaults ?? [])]) {
      this.#tree(part, { user: runsAs, reader: runsAs }, { what, through })
    }
  }

  #tree(tree: Node, rights: Rights, place: Place): void {
    const facts = factsOf(tree)
    if (facts.acts !== undefined) throw new Refused(`${place.what} ${facts.acts}`)
    this.#readings.asksSession ||= facts.asksSession
    for (const call of facts.calls) this.#call(call, rights, place)
    for (const called of unnamedFunctions(this.#code, facts)) this.#nested(called, rights, place)
    for (const relation of facts.reads) this.#named(relation, facts.queries, rights, place)
  }

  #call(name: CodeName, rights: Rights, place: Place): void {
    const own = functionsNamed(this.#code, name)
    const isBuiltin = name.schema === undefined || name.schema === 'pg_catalog'
    const builtin = isBuiltin ? this.#code.reach.functions.builtin.get(name.name) : undefined
    const why = builtin && whyUnsteady(name.name, builtin)
    if (why !== undefined) throw new Refused(`${place.what} calls ${name.name}(), ${why}`)
    if (!builtin && own.length === 0)
      throw new Refused(`${place.what} calls ${name.name}(), of which nothing is known`)
    for (const called of own) this.#nested(called, rights, place)
  }

  #nested(called: CatalogFunction, { user }: Rights, { through }: Place): void {
    this.function(called, user, through === '' ? ` through ${display(called)}()` : through)
  }

  #named(relation: NamedRelation, queries: ReadonlySet<string>, rights: Rights, place: Place): void {
    const { schema, name } = relation
    if (schema === 'pg_catalog' || schema === 'information_schema' || (!schema && name.startsWith('pg_')))
      throw new Refused(`${place.what} reads ${name}, which shows the state of the system`)
    const found = relationsNamed(this.#code, relation)
    if (found.length === 0 && (schema !== undefined || !queries.has(name)))
      throw new Refused(`${place.what} reads ${name}, which is no table or view that is known`)
    for (const each of found) this.#relation(each, rights, place)
  }

  #relation(table: CatalogTable, rights: Rights, { through }: Place): void {
    if (this.#isSeen('relation', table.oid, `${rights.user ?? ''} ${rights.reader ?? ''}`)) return
    const shown = display(table)
    if (table.kind === 'f') throw new Refused(`${shown}, which it reads, is a foreign table`)
    if (table.kind === 'v') {
      const query = viewQuery(this.#code, table.oid)
      if (!query) throw new Refused(`the view ${shown} cannot be read`)
      const reader = table.isSecurityInvoker ? rights.reader : table.owner
      const way = through === '' ? ` through the view ${shown}` : through
      this.#tree(query, { ...rights, reader }, { what: `the view ${shown}`, through: way })
      return
    }
    if (!this.#readings.tables.has(table.oid)) this.#readings.tables.set(table.oid, through)
    if (!table.rowSecurity || this.#isExempt(table, rights.reader)) return
    const way = through === '' ? ` through the policies of ${shown}` : through
    for (const using of this.#code.reach.policies.get(table.oid) ?? []) {
      if (!using.using) throw new Refused(`a policy of ${shown} cannot be read`)
      this.#tree(using.using, rights, { what: `a policy of ${shown}`, through: way })
    }
  }

  #isExempt(table: CatalogTable, reader: string | undefined): boolean {
    if (reader === undefined) return false
    if (this.#code.reach.bypassing.has(reader)) return true
    return table.owner === reader && !table.forcesRowSecurity
  }

  #isSeen(kind: string, oid: number, rights: string | undefined): boolean {
    const key = `${kind} ${oid} ${rights ?? ''}`
    if (this.#seen.has(key)) return true
    this.#seen.add(key)
    return false
  }
}
