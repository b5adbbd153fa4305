import { display, displayIdentifier } from '../postgres/identifiers.ts'
import type { NotCopied } from '../shadow/notCopied.ts'
import type { Planner } from '../shadow/planner/openPlanner.ts'
import type { Unsure } from '../workload/leftOut.ts'
import type { Use } from './upkeep.ts'

const remedies = {
  'never analyzed': 'never analyzed, so its costs are guesses: run ANALYZE',
  'not visible to this role':
    'this role sees no statistics of all its columns, so its costs are guesses: grant SELECT, and BYPASSRLS where it has row-level security',
  'extended statistics not visible to this role':
    'this role sees no extended statistics of it, which PostgreSQL shows to the owner: run this as the owner, or as a member',
}

/** What the planner's costs hang on and the shadow does not know: of the tables that the workload uses, and of all else. */
export function unsureOf(
  { withoutStatistics, notRestored, notCopied }: Planner,
  uses: readonly Use[],
): Unsure[] {
  const used = new Set(uses.map(({ table }) => display(table)))
  return [
    ...withoutStatistics
      .filter((table) => used.has(display(table)))
      .map((table) => ({ about: `table ${display(table)}`, reason: remedies[table.reason] })),
    ...notRestored.map(({ schema, relation, column, reason }) => ({
      about: `statistics of ${display({ schema, name: relation })}.${displayIdentifier(column)}`,
      reason,
    })),
    ...notCopied.filter(mayChangePlans).map(({ object, reason }) => ({ about: object, reason })),
  ]
}

/** Kinds of objects that no plan hangs on. */
const notInPlans =
  /^(?:role|publication|published|subscription|default privileges|event trigger|trigger|sequence)\b/

/** An extension that is there is as good under another owner; without it, what depends on it is not the source's. */
function mayChangePlans({ object, reason }: NotCopied): boolean {
  const isOtherwise = object.startsWith('extension ') && reason.startsWith('not as in the source')
  return !isOtherwise && !notInPlans.test(object)
}
