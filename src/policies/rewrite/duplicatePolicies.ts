import { parseExpression } from '../../syntax/expression.ts'
import { as, nodesIn, words } from '../../syntax/nodes.ts'
import type { PolicyOnTable, PolicyCatalog } from '../read/policyCatalog.ts'

/** A policy that is equal to another one of the same table. */
export interface DuplicatePolicy {
  /** The older one, which stays. */
  kept: PolicyOnTable
  dropped: PolicyOnTable
  /** Why the duplicate must stay nevertheless. */
  reason?: string
}

/**
 * Policies with the same table, command, kind, roles and, to the letter, expressions. One can go, since `a OR a` is `a`
 * (permissive policies) and `a AND a` is `a` (restrictive ones), unless `a` may answer differently the second time.
 */
export async function findDuplicatePolicies(catalog: PolicyCatalog): Promise<DuplicatePolicy[]> {
  const first = new Map<string, PolicyOnTable>()
  const found: DuplicatePolicy[] = []
  for (const policy of [...catalog.policies].sort((one, other) => one.oid - other.oid)) {
    const { table, command, permissive, roles, using, check } = policy
    const content = JSON.stringify([table.oid, command, permissive, roles, using, check])
    const kept = first.get(content)
    if (!kept) {
      first.set(content, policy)
      continue
    }
    const volatile = await volatileCallOf(policy, catalog)
    found.push({
      kept,
      dropped: policy,
      ...(volatile === undefined
        ? {}
        : {
            reason: `${volatile} is VOLATILE: calling it once may not give the same result as calling it twice`,
          }),
    })
  }
  return found
}

async function volatileCallOf({ using, check, functions }: PolicyOnTable, catalog: PolicyCatalog) {
  const own = functions.find(({ volatility }) => volatility === 'volatile')
  if (own) return `${own.schema}.${own.name}()`
  for (const text of [using, check]) {
    if (text === null) continue
    for (const node of nodesIn(await parseExpression(text))) {
      const call = as(node, 'FuncCall')
      const name = call && words(call.funcname).length === 1 ? words(call.funcname)[0] : undefined
      if (name !== undefined && catalog.functions.builtin.get(name)?.volatility === 'volatile')
        return `${name}()`
    }
  }
  return undefined
}
