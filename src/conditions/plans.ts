import type { RelationName } from '../db/identifiers.ts'
import { display } from '../db/identifiers.ts'
import type { IndexShape } from '../introspect/indexShapes.ts'
import { listIndexesCovering } from '../introspect/indexShapes.ts'
import type { PlannedQuery } from '../introspect/plans.ts'
import { explain, indexesIn } from '../introspect/plans.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/**
 * Holds when the planner answers the query through the index, or through any index that covers the shape,
 * planned as the role and with the claims that the application uses. Sequential scans are discouraged while planning: the question is whether
 * the index can serve the query, policies included, not whether today's table is large enough.
 */
export function planUsesIndex(query: PlannedQuery, index: RelationName | IndexShape): Condition {
  const wanted =
    'keys' in index ? `an index that covers (${index.keys.join(', ')})` : `index ${display(index)}`
  return {
    description: `the plan${query.role ? ` as ${query.role}` : ''} uses ${wanted}`,
    dependsOnData: true,
    async check(db) {
      const used = indexesIn(await explain(db, query))
      const right = 'keys' in index ? await listIndexesCovering(db, index) : [index]
      if (right.some(({ name }) => used.includes(name))) return holds
      return fails(wanted, used.length > 0 ? `the indexes ${used.join(', ')}` : 'no index')
    },
  }
}
