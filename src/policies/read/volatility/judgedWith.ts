import { display } from '../../../postgres/identifiers.ts'
import { relationsIn } from '../../../syntax/relations.ts'
import type { Code, Wanted } from './code.ts'
import { bodyOf, functionWithOid, relationsNamed } from './code.ts'
import { factsOf } from './treeFacts.ts'

/**
 * The relations on which a command evaluates the policies of the table, with the reason as a phrase: the table itself, and
 * every table whose policies read it and every view on it. A policy that reads the table evaluates the policies of the
 * table within the same statement, and again for each row that the statement changes.
 */
export function judgedWith(tableOid: number, code: Code): Map<number, string> {
  const readers = known.get(code.wanted) ?? readersOf(code)
  known.set(code.wanted, readers)
  const found = new Map([[tableOid, '']])
  // The loop also visits what is added while it runs.
  for (const [oid] of found) {
    for (const reader of readers.get(oid) ?? []) {
      const [table, read] = [code.tables.get(reader), code.tables.get(oid)]
      if (found.has(reader) || !table) continue
      const how = table.kind === 'v' ? 'it is a view on' : 'its policies read'
      found.set(reader, `${how} ${read ? display(read) : 'a table'}`)
    }
  }
  return found
}

/** Until more code is read, the answer stays the same. */
const known = new WeakMap<Wanted, Map<number, Set<number>>>()

/** What reads each relation as a part of its own statement. */
function readersOf(code: Code): Map<number, Set<number>> {
  const readers = new Map<number, Set<number>>()
  for (const [reader, reads] of code.inlineReads) {
    const functions = new Set(reads.flatMap(({ functionOid }) => functionOid ?? []))
    const relations = [
      ...reads.flatMap(({ relationOid }) => relationOid ?? []),
      ...relationsInlined([...functions], code),
    ]
    for (const relation of relations) {
      if (relation === reader) continue
      readers.set(relation, (readers.get(relation) ?? new Set<number>()).add(reader))
    }
  }
  return readers
}

/** PostgreSQL can put the body of a function in SQL in the place of its call, if it has the caller's rights. */
function relationsInlined(start: number[], code: Code): number[] {
  const relations: number[] = []
  const open = new Set(start)
  for (const oid of open) {
    const called = functionWithOid(code, oid)
    if (called?.language !== 'sql' || called.isSecurityDefiner) continue
    for (const part of bodyOf(code, called)?.parts ?? []) {
      for (const relation of relationsIn(part))
        relations.push(...relationsNamed(code, relation).map((table) => table.oid))
      for (const { name } of factsOf(part).calls)
        for (const each of code.reach.byName.get(name) ?? []) open.add(each.oid)
    }
  }
  return relations
}
