import type { Section } from '../section.ts'
import { cache } from './cache.ts'
import { connections } from './connections.ts'
import { deadTuples } from './deadTuples.ts'
import { history } from './history.ts'
import { indexBloat } from './indexBloat.ts'
import { indexUsage } from './indexUsage.ts'
import { locks } from './locks.ts'
import { overview } from './overview.ts'
import { plans } from './plans.ts'
import { rowSecurity } from './rowSecurity.ts'
import { sequentialScans } from './sequentialScans.ts'
import { sizes } from './sizes.ts'
import { statementsByMean, statementsByTotal, statementsByWork } from './statements.ts'
import { tableBloat } from './tableBloat.ts'
import { troubleshooting } from './troubleshooting.ts'

/** Every section, in the order of the report: bloat is section 6, the slowest statements are 11 to 13. */
export const sections: Section[] = [
  overview,
  connections,
  cache,
  sequentialScans,
  deadTuples,
  tableBloat,
  indexBloat,
  sizes,
  indexUsage,
  locks,
  statementsByTotal,
  statementsByMean,
  statementsByWork,
  plans,
  rowSecurity,
  troubleshooting,
  history,
]
