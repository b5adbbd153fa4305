import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import type { IndexShape } from '../catalog/indexShapes.ts'
import { listIndexesCovering } from '../catalog/indexShapes.ts'
import type { PlannedQuery } from '../catalog/plans.ts'
import { indexesIn, planWithIndexes } from '../catalog/plans.ts'
import { shortList } from '../shortList.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/**
 * Holds when the index, or any index that covers the shape, can serve the query, planned as the role and with the
 * claims that the application uses. Sequential scans are discouraged while planning, and then sorts too: the question
 * is whether the query fits the index, policies included, and not whether the index is the cheapest plan for today's
 * rows. So it does not show that the planner will choose the index.
 */
export function planCanUseIndex(query: PlannedQuery, index: RelationName | IndexShape): Condition {
  const wanted =
    'keys' in index ? `an index that covers (${index.keys.join(', ')})` : `index ${display(index)}`
  return {
    description: `the plan${query.role ? ` as ${query.role}` : ''} can use ${wanted}`,
    dependsOnData: true,
    async check(db) {
      const right = 'keys' in index ? await listIndexesCovering(db, index) : [index]
      const serves = (used: string[]) => right.some(({ name }) => used.includes(name))
      const used = indexesIn(await planWithIndexes(db, query))
      if (serves(used) || serves(indexesIn(await planWithIndexes(db, query, { sorts: true })))) return holds
      return fails(wanted, used.length > 0 ? `the indexes ${shortList(used)}` : 'no index')
    },
  }
}

/**
 * The old name, kept for migration files that use it.
 *
 * @deprecated It promised more than is checked: use `planCanUseIndex`.
 * @alias
 */
export const planUsesIndex = planCanUseIndex
