import * as cache from '../conditions/cache.ts'
import type { Condition } from '../conditions/condition.ts'
import * as constraints from '../conditions/constraints.ts'
import * as cronJobs from '../conditions/cronJobs.ts'
import * as databaseSettings from '../conditions/databaseSettings.ts'
import * as extensions from '../conditions/extensions.ts'
import * as foreignKeys from '../conditions/foreignKeys.ts'
import * as functions from '../conditions/functions.ts'
import * as indexes from '../conditions/indexes.ts'
import * as mirrors from '../conditions/mirrors.ts'
import * as plans from '../conditions/plans.ts'
import * as policies from '../conditions/policies.ts'
import * as roles from '../conditions/roles.ts'
import * as rowSecurity from '../conditions/rowSecurity.ts'
import * as rows from '../conditions/rows.ts'
import * as schemas from '../conditions/schemas.ts'
import * as sequences from '../conditions/sequences.ts'
import * as statistics from '../conditions/statistics.ts'
import * as storageParameters from '../conditions/storageParameters.ts'
import * as tables from '../conditions/tables.ts'
import * as wholeTables from '../conditions/wholeTables.ts'
import * as proofs from '../policies/proof/rewriteIsEquivalent.ts'

type MakeCondition = (...args: unknown[]) => Condition

const modules = [
  ...[cache, constraints, cronJobs, databaseSettings, extensions, foreignKeys, functions, indexes],
  ...[mirrors, plans, policies, roles, rowSecurity, rows, schemas, sequences, statistics],
  ...[storageParameters, tables, wholeTables, proofs],
]

/** The functions that make conditions, by the names under which `hundredfold` exports them. */
export const conditionsByName: ReadonlyMap<string, MakeCondition> = new Map(
  modules.flatMap((module) =>
    Object.entries(module as Record<string, unknown>).flatMap(([name, make]) =>
      typeof make === 'function' ? [[name, make as MakeCondition] as const] : [],
    ),
  ),
)
