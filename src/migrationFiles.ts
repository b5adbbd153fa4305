/** What migration files import: `hundredfold/conditions`, and `hundredfold` too. */
export type { Condition, Optimization, Verdict } from './conditions/condition.ts'
export { fails, holds } from './conditions/condition.ts'
export { cacheOutboxIsUsable, changesAreAnnounced, changesAreNotAnnounced } from './conditions/cache.ts'
export {
  constraintIsAbsent,
  constraintIsNotValidated,
  constraintIsValidated,
} from './conditions/constraints.ts'
export { cronIsUsable, cronJobIs, cronJobIsAbsent, cronJobRan } from './conditions/cronJobs.ts'
export { settingHereIs, settingHereIsUnset } from './conditions/databaseSettings.ts'
export {
  extensionIsAbsent,
  extensionIsAvailable,
  extensionIsInstalled,
  extensionIsPreloaded,
} from './conditions/extensions.ts'
export { foreignKeysAreAlike } from './conditions/foreignKeys.ts'
export {
  functionBodyIs,
  functionExists,
  functionIsAbsent,
  functionSearchPathIs,
  functionVolatilityIs,
} from './conditions/functions.ts'
export { indexCovers, indexIs, indexIsAbsent, indexIsValid, noIndexCovers } from './conditions/indexes.ts'
export type { IndexShape } from './catalog/indexShapes.ts'
export { mirrorIsExact, mirrorIsExactBefore } from './conditions/mirrors.ts'
export { planCanUseIndex, planUsesIndex } from './conditions/plans.ts'
export { policiesAreAlike, policyIs, policyIsAbsent } from './conditions/policies.ts'
export { rowSecurityIsDisabled, rowSecurityIsEnabled } from './conditions/rowSecurity.ts'
export { roleSettingIs, roleSettingIsUnset } from './conditions/roles.ts'
export { schemaExists, schemaIsAbsent } from './conditions/schemas.ts'
export { sequenceCountsTo } from './conditions/sequences.ts'
export { statisticsAreAbsent, statisticsExist } from './conditions/statistics.ts'
export { storageParametersAre, storageParametersAreUnset } from './conditions/storageParameters.ts'
export { columnsExist, relationExists, tableExists, tableIsAbsent } from './conditions/tables.ts'
export { columnIsBelow } from './conditions/rows.ts'
export { tableIsPartitionedBy, tableKeeps, tableStillKeeps } from './conditions/wholeTables.ts'
export type { BatchedStatement } from './migrate/batched.ts'
export { batched } from './migrate/batched.ts'
export { functionMayBeStable } from './policies/proof/functionMayBeStable.ts'
export { rewriteIsEquivalent } from './policies/proof/rewriteIsEquivalent.ts'
// Kysely's `sql`, for conditions of your own; you need not install Kysely for them.
export { sql } from './postgres/sql.ts'
