import type { ClientBase } from 'pg'
import { listRoles } from '../catalog/roles.ts'
import { borrow } from '../postgres/database.ts'
import { readOnly } from '../postgres/readOnly.ts'
import type { NamedRelation } from '../syntax/relations.ts'
import { relationsIn } from '../syntax/relations.ts'
import type { Statement } from '../syntax/statements.ts'
import { splitStatements } from '../syntax/statements.ts'
import { unique } from '../unique.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'

/**
 * The tables whose policies PostgreSQL plans for these statements: those that statements name which a role sends to
 * which policies apply. A statement without a role is sent by the session's own, which owns the tables.
 */
export async function tablesPlanned(
  client: ClientBase,
  statements: WorkloadStatement[],
): Promise<NamedRelation[]> {
  if (statements.length === 0) return []
  const roles = await readOnly(client, () => listRoles(borrow(client)))
  const judged = new Set(roles.flatMap(({ name, isExempt }) => (isExempt ? [] : name)))
  const named: NamedRelation[] = []
  for (const { sql, role } of statements) {
    if (role === undefined || !judged.has(role)) continue
    // A statement that cannot be parsed is reported with the advice.
    const parsed = await splitStatements(sql).catch((): Statement[] => [])
    named.push(...parsed.flatMap(({ node }) => relationsIn(node)))
  }
  return unique(named)
}
