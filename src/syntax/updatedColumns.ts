import type { NamedRelation } from './relations.ts'
import type { Node } from './nodes.ts'
import { as, nodesIn } from './nodes.ts'
import { splitStatements } from './statements.ts'

/** A table, and the columns of it that one statement updates. */
export interface Update {
  table: NamedRelation
  columns: string[]
}

/**
 * What the UPDATEs in a text change, including `INSERT ... ON CONFLICT DO UPDATE` and those in WITH. Undefined if the text
 * cannot be parsed: pg_stat_statements cuts off long ones.
 */
export async function updatesIn(text: string): Promise<Update[] | undefined> {
  let statements
  try {
    statements = await splitStatements(text)
  } catch {
    return undefined
  }
  const updates: Update[] = []
  for (const node of nodesIn(statements.map((statement) => statement.node))) {
    const update = node['UpdateStmt'] as Writing | undefined
    if (update?.relation) updates.push(toUpdate(update.relation, update.targetList))
    const insert = node['InsertStmt'] as Writing | undefined
    const conflict = insert?.onConflictClause
    if (insert?.relation && conflict?.action === 'ONCONFLICT_UPDATE') {
      updates.push(toUpdate(insert.relation, conflict.targetList))
    }
  }
  return updates
}

interface Writing {
  relation?: { relname: string; schemaname?: string }
  targetList?: Node[]
  onConflictClause?: { action: string; targetList?: Node[] }
}

function toUpdate(relation: { relname: string; schemaname?: string }, targets: Node[] = []): Update {
  return {
    table: {
      name: relation.relname,
      ...(relation.schemaname === undefined ? {} : { schema: relation.schemaname }),
    },
    columns: targets.flatMap((target) => as(target, 'ResTarget')?.name ?? []),
  }
}
