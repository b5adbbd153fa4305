import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { findColumns } from '../catalog/columns.ts'
import { findRelation } from '../catalog/relations.ts'
import { shortList } from '../shortList.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

const tableKinds = ['r', 'p', 'f']

/** Holds when a table (plain, partitioned or foreign) of that name exists. */
export function tableExists(table: RelationName): Condition {
  return {
    description: `table ${display(table)} exists`,
    async check(db) {
      const found = await findRelation(db, table)
      if (found && tableKinds.includes(found.kind)) return holds
      return fails('a table', found ? `a relation of kind ${found.kind}` : 'no such table')
    },
  }
}

/** Holds when no relation of that name exists. */
export function tableIsAbsent(table: RelationName): Condition {
  return {
    description: `table ${display(table)} is absent`,
    async check(db) {
      const found = await findRelation(db, table)
      return found ? fails('no relation of that name', `a relation of kind ${found.kind}`) : holds
    },
  }
}

/** Holds when a table or view of that name exists, of any kind that rows can be read from. */
export function relationExists(relation: RelationName): Condition {
  return {
    description: `relation ${display(relation)} exists`,
    async check(db) {
      const found = await findRelation(db, relation)
      if (found && [...tableKinds, 'v', 'm'].includes(found.kind)) return holds
      return fails('a table or view', found ? `a relation of kind ${found.kind}` : 'no such relation')
    },
  }
}

/** Holds when the table has all of these columns. */
export function columnsExist(table: RelationName, columns: string[]): Condition {
  return {
    description: `table ${display(table)} has the columns ${shortList(columns.map(displayIdentifier))}`,
    async check(db) {
      const present = (await findColumns(db, table)).map(({ name }) => name)
      const missing = columns.filter((column) => !present.includes(column))
      if (missing.length === 0) return holds
      const actual =
        present.length === 0 ? 'no such table' : `no column ${shortList(missing.map(displayIdentifier))}`
      return fails(shortList(columns.map(displayIdentifier)), actual)
    },
  }
}
