import { findSampleValues } from '../../catalog/columnStatistics.ts'
import type { Database } from '../../postgres/database.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, kindOf, nodesIn, words } from '../../syntax/nodes.ts'
import { nameOfCall } from '../read/calls.ts'
import type { ParsedPolicies, ParsedPolicy } from '../rewrite/parsedPolicies.ts'
import type { CostIdentity } from './policyCost.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'

/**
 * The default identity for measuring the price of policies. Its role is the one that most policies name. Its user is the
 * one with the most rows, by the statistics, in the largest table whose policies compare a column with `auth.uid()`.
 * The user's id is data: it goes into the session's claims and into no report.
 */
export async function findCostIdentity(db: Database, parsed: ParsedPolicies): Promise<CostIdentity> {
  const role = mostNamedRole(parsed)
  for (const { table, column } of ownerColumns(parsed)) {
    const found = await findSampleValues(db, table, column)
    const sub = found?.mostCommon ?? found?.between ?? undefined
    if (sub !== undefined) return { role, claims: { sub, role } }
  }
  return { role, claims: { role } }
}

function mostNamedRole({ parsed }: ParsedPolicies): string {
  const counts = new Map<string, number>()
  for (const { policy } of parsed) {
    for (const role of policy.roles) counts.set(role, (counts.get(role) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([, one], [, other]) => other - one)
  return most?.[0] ?? 'authenticated'
}

/** Columns that policies compare with `auth.uid()`, those of the largest tables first. */
function ownerColumns({ parsed }: ParsedPolicies): { table: CatalogTable; column: string }[] {
  return parsed
    .flatMap((each) => comparedWithUser(each).map((column) => ({ table: each.policy.table, column })))
    .sort((one, other) => (other.table.estimatedRows ?? 0) - (one.table.estimatedRows ?? 0))
}

function comparedWithUser({ using, policy }: ParsedPolicy): string[] {
  if (!using) return []
  return nodesIn(using).flatMap((node) => {
    const comparison = as(node, 'A_Expr')
    const { lexpr, rexpr } = comparison ?? {}
    if (comparison?.kind !== 'AEXPR_OP' || words(comparison.name).at(-1) !== '=' || !lexpr || !rexpr)
      return []
    const column = [lexpr, rexpr].find((side) => kindOf(side) === 'ColumnRef')
    const asks = [lexpr, rexpr].some((side) => callsAuthUid(side))
    const parts = words(as(column, 'ColumnRef')?.fields ?? [])
    // In a sub-select the column may belong to another table.
    return asks && (parts.length === 1 || parts.at(-2) === policy.table.name) ? (parts.at(-1) ?? []) : []
  })
}

function callsAuthUid(side: Node): boolean {
  return nodesIn(side).some((node) => {
    const call = as(node, 'FuncCall')
    if (!call) return false
    const { schema, name } = nameOfCall(call)
    return schema === 'auth' && name === 'uid'
  })
}
