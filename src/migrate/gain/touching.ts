import type { Dependent } from '../../catalog/dependents.ts'
import type { NamedRelation } from '../../syntax/relations.ts'
import type { ChangedObjects } from './changedObjects.ts'
import type { CountedStatement } from './countedStatement.ts'

/** Answers which statements what a migration changed may make faster or slower. */
export interface Touching {
  touches(statement: CountedStatement, objects: ChangedObjects): boolean
  /** It names a table without its schema, and more than one schema has a table of that name. */
  isAmbiguous(statement: CountedStatement): boolean
}

/**
 * A statement touches what it names, and what that uses: tables of a view, of a policy, of a function's body; if it
 * writes, also tables with a foreign key to its own and functions of its triggers. A function is taken to write.
 */
export function touching(dependents: Dependent[]): Touching {
  const byId = new Map(dependents.map((each) => [each.id, each]))
  const byName = new Map<string, Dependent[]>()
  for (const each of dependents) byName.set(each.name, [...(byName.get(each.name) ?? []), each])
  const named = ({ name, schema }: NamedRelation, isFunction: boolean) =>
    (byName.get(name) ?? []).filter(
      (each) => each.isFunction === isFunction && (schema === undefined || each.schema === schema),
    )
  const reached = new Map<string, Set<string>>()

  /** Everything that a relation or function uses, itself included. */
  function reach(start: Dependent, writes: boolean): Set<string> {
    const key = `${start.id} ${String(writes)}`
    const known = reached.get(key)
    if (known) return known
    const seen = new Set([start.id])
    const open = [{ each: start, writes }]
    for (let next = open.pop(); next; next = open.pop()) {
      for (const used of usedBy(next.each, next.writes)) {
        if (seen.has(used.id)) continue
        seen.add(used.id)
        open.push({ each: used, writes: next.writes || used.isFunction })
      }
    }
    reached.set(key, seen)
    return seen
  }

  function usedBy(each: Dependent, writes: boolean): Dependent[] {
    const ids = writes || each.isFunction ? [...each.uses, ...each.usesInWrites] : each.uses
    const inBody = Array.from(each.words, (word) => byName.get(word) ?? []).flat()
    return [...ids.flatMap((id) => byId.get(id) ?? []), ...inBody]
  }

  const reachedBy = new Map<string, Set<string>>()
  function reachedFrom(statement: CountedStatement): Set<string> {
    const known = reachedBy.get(statement.key)
    if (known) return known
    const all = new Set<string>()
    for (const name of statement.relations) {
      for (const each of named(name, false)) for (const id of reach(each, statement.writes)) all.add(id)
    }
    for (const name of statement.functions) {
      for (const each of named(name, true)) for (const id of reach(each, true)) all.add(id)
    }
    reachedBy.set(statement.key, all)
    return all
  }

  const changedIds = new Map<ChangedObjects, string[]>()
  function idsOf(objects: ChangedObjects): string[] {
    const known = changedIds.get(objects)
    if (known) return known
    const { tables, functions } = objects
    const changed = [
      ...tables.flatMap((table) => named(table, false)),
      ...functions.flatMap((each) => named(each, true)),
    ]
    const ids = changed.map(({ id }) => id)
    changedIds.set(objects, ids)
    return ids
  }

  return {
    touches(statement, objects) {
      const all = reachedFrom(statement)
      return idsOf(objects).some((id) => all.has(id))
    },
    isAmbiguous: ({ relations }) =>
      relations.some((relation) => relation.schema === undefined && named(relation, false).length > 1),
  }
}
