import type { RelationName } from '../db/identifiers.ts'
import { display } from '../db/identifiers.ts'
import type { PlannedQuery } from '../introspect/plans.ts'
import { explain, indexesIn } from '../introspect/plans.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/**
 * Holds when the planner answers the query through the index, planned as the role and with the claims
 * that the application uses. Sequential scans are discouraged while planning: the question is whether
 * the index can serve the query, policies included, not whether today's table is large enough.
 */
export function planUsesIndex(query: PlannedQuery, index: RelationName): Condition {
  return {
    description: `the plan${query.role ? ` as ${query.role}` : ''} uses index ${display(index)}`,
    dependsOnData: true,
    async check(db) {
      const used = indexesIn(await explain(db, query))
      if (used.includes(index.name)) return holds
      return fails(index.name, used.length > 0 ? `the indexes ${used.join(', ')}` : 'no index')
    },
  }
}
