import type { Column } from '../../catalog/columns.ts'
import { findColumns } from '../../catalog/columns.ts'
import type { Policy } from '../../catalog/policies.ts'
import { findPoliciesOf } from '../../catalog/policies.ts'
import type { Relation } from '../../catalog/relations.ts'
import { findRelation } from '../../catalog/relations.ts'
import type { Database } from '../../postgres/database.ts'
import type { RelationName } from '../../postgres/identifiers.ts'

/** The table whose policies are compared, as the catalog has it now. */
export interface Subject {
  table: Relation
  columns: Column[]
  policies: Policy[]
}

/** The table with its columns and policies, or undefined. Expressions are printed for the session's `search_path`. */
export async function findSubject(db: Database, name: RelationName): Promise<Subject | undefined> {
  const table = await findRelation(db, name)
  if (!table || !['r', 'p'].includes(table.kind)) return undefined
  return { table, columns: await findColumns(db, name), policies: await findPoliciesOf(db, [table.oid]) }
}

/** The columns of each relation that exists, by `schema.name`. */
export async function columnsOfRelations(
  db: Database,
  relations: RelationName[],
): Promise<Map<string, Column[]>> {
  const found = new Map<string, Column[]>()
  for (const relation of relations) {
    const columns = await findColumns(db, relation)
    if (columns.length > 0) found.set(`${relation.schema}.${relation.name}`, columns)
  }
  return found
}
