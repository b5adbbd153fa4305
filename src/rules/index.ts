import { arrayBtreeIndex } from './indexes/arrayBtreeIndex.ts'
import { authFunctionPlanning } from './policies/authFunctionPlanning.ts'
import { authRlsInitplan } from './policies/authRlsInitplan.ts'
import { autovacuumBlocked } from './tables/autovacuumBlocked.ts'
import { autovacuumSettings } from './tables/autovacuumSettings.ts'
import { booleanIndex } from './indexes/booleanIndex.ts'
import { cacheCandidate } from './server/cacheCandidate.ts'
import { cacheHitRatio } from './server/cacheHitRatio.ts'
import { checkpointsRequested } from './server/checkpointsRequested.ts'
import { connectionSaturation } from './server/connectionSaturation.ts'
import { duplicateForeignKey } from './tables/duplicateForeignKey.ts'
import { duplicateIndex } from './indexes/duplicateIndex.ts'
import { duplicatePolicy } from './policies/duplicatePolicy.ts'
import { extensionVersionsOutdated } from './server/extensionVersionsOutdated.ts'
import { foreignKeyTypeMismatch } from './tables/foreignKeyTypeMismatch.ts'
import { functionVolatility } from './policies/functionVolatility.ts'
import { functionSearchPathMutable } from './policies/functionSearchPathMutable.ts'
import { idleInTransaction } from './server/idleInTransaction.ts'
import { indexBloat } from './indexes/indexBloat.ts'
import { invalidIndex } from './indexes/invalidIndex.ts'
import { jsonColumn } from './tables/jsonColumn.ts'
import { ioHeavyStatement } from './server/ioHeavyStatement.ts'
import { lockWaits } from './server/lockWaits.ts'
import { longTransaction } from './server/longTransaction.ts'
import { lowHotRatio } from './tables/lowHotRatio.ts'
import { missingExtendedStatistics } from './tables/missingExtendedStatistics.ts'
import { missingIndex } from './indexes/missingIndex.ts'
import { missingPgStatStatements } from './server/missingPgStatStatements.ts'
import { missingStatementTimeout } from './server/missingStatementTimeout.ts'
import { multiplePermissivePolicies } from './policies/multiplePermissivePolicies.ts'
import { noPrimaryKey } from './tables/noPrimaryKey.ts'
import { notValidConstraint } from './tables/notValidConstraint.ts'
import { nullableForeignKey } from './tables/nullableForeignKey.ts'
import { nullHeavyIndex } from './indexes/nullHeavyIndex.ts'
import { orphanedPreparedTransaction } from './server/orphanedPreparedTransaction.ts'
import { partitionCandidate } from './tables/partitionCandidate.ts'
import { partitionWithoutRls } from './policies/partitionWithoutRls.ts'
import { planningHeavyStatement } from './server/planningHeavyStatement.ts'
import { policyCorrelatedSubquery } from './policies/policyCorrelatedSubquery.ts'
import { policyExistsRlsDisabled } from './policies/policyExistsRlsDisabled.ts'
import { policyFunctionInitplan } from './policies/policyFunctionInitplan.ts'
import { policyMembershipFunction } from './policies/policyMembershipFunction.ts'
import { redundantIndex } from './indexes/redundantIndex.ts'
import { replicationSlotLag } from './server/replicationSlotLag.ts'
import { rlsDisabledInPublic } from './policies/rlsDisabledInPublic.ts'
import { rlsEnabledNoPolicy } from './policies/rlsEnabledNoPolicy.ts'
import { rlsPolicyAlwaysTrue } from './policies/rlsPolicyAlwaysTrue.ts'
import { rlsReferencesUserMetadata } from './policies/rlsReferencesUserMetadata.ts'
import { authUsersExposed } from './policies/authUsersExposed.ts'
import { materializedViewInApi } from './policies/materializedViewInApi.ts'
import { anonSecurityDefinerFunctionExecutable } from './policies/anonSecurityDefinerFunctionExecutable.ts'
import { authenticatedSecurityDefinerFunctionExecutable } from './policies/authenticatedSecurityDefinerFunctionExecutable.ts'
import { publicBucketAllowsListing } from './policies/publicBucketAllowsListing.ts'
import { rlsLeakproofBarrier } from './policies/rlsLeakproofBarrier.ts'
import { rlsNotForced } from './policies/rlsNotForced.ts'
import { rlsOnlyRestrictivePolicies } from './policies/rlsOnlyRestrictivePolicies.ts'
import { policyCheckWiderThanUsing } from './policies/policyCheckWiderThanUsing.ts'
import { policyUpdateWithoutCheck } from './policies/policyUpdateWithoutCheck.ts'
import { policySettingMayBeMissing } from './policies/policySettingMayBeMissing.ts'
import { policyPredicateMayRaise } from './policies/policyPredicateMayRaise.ts'
import { bypassrlsLoginRole } from './policies/bypassrlsLoginRole.ts'
import type { Rule } from './rule.ts'
import { securityDefinerView } from './policies/securityDefinerView.ts'
import { sequenceExhaustion } from './tables/sequenceExhaustion.ts'
import { settingsReview } from './server/settingsReview.ts'
import { slowQuery } from './server/slowQuery.ts'
import { staleStatistics } from './tables/staleStatistics.ts'
import { tableBloat } from './tables/tableBloat.ts'
import { tempFiles } from './server/tempFiles.ts'
import { timestampWithoutTimeZone } from './tables/timestampWithoutTimeZone.ts'
import { unindexedForeignKeys } from './indexes/unindexedForeignKeys.ts'
import { unindexedPolicyColumn } from './policies/unindexedPolicyColumn.ts'
import { unusedIndex } from './indexes/unusedIndex.ts'
import { uuidAsText } from './tables/uuidAsText.ts'
import { walHeavyStatement } from './server/walHeavyStatement.ts'
import { xidWraparound } from './server/xidWraparound.ts'
import { xminHorizon } from './server/xminHorizon.ts'

/** Every rule, in the order of `ruleNames`. */
export const rules: Rule[] = [
  authRlsInitplan,
  policyFunctionInitplan,
  policyMembershipFunction,
  policyCorrelatedSubquery,
  authFunctionPlanning,
  duplicatePolicy,
  multiplePermissivePolicies,
  unindexedPolicyColumn,
  policyExistsRlsDisabled,
  rlsEnabledNoPolicy,
  rlsDisabledInPublic,
  rlsPolicyAlwaysTrue,
  rlsReferencesUserMetadata,
  rlsLeakproofBarrier,
  functionVolatility,
  functionSearchPathMutable,
  securityDefinerView,
  partitionWithoutRls,
  authUsersExposed,
  materializedViewInApi,
  anonSecurityDefinerFunctionExecutable,
  authenticatedSecurityDefinerFunctionExecutable,
  publicBucketAllowsListing,
  rlsNotForced,
  rlsOnlyRestrictivePolicies,
  policyCheckWiderThanUsing,
  policyUpdateWithoutCheck,
  policySettingMayBeMissing,
  policyPredicateMayRaise,
  bypassrlsLoginRole,
  missingIndex,
  unindexedForeignKeys,
  duplicateIndex,
  redundantIndex,
  unusedIndex,
  invalidIndex,
  indexBloat,
  nullHeavyIndex,
  arrayBtreeIndex,
  booleanIndex,
  noPrimaryKey,
  tableBloat,
  autovacuumSettings,
  staleStatistics,
  lowHotRatio,
  partitionCandidate,
  missingExtendedStatistics,
  notValidConstraint,
  foreignKeyTypeMismatch,
  duplicateForeignKey,
  nullableForeignKey,
  jsonColumn,
  timestampWithoutTimeZone,
  uuidAsText,
  sequenceExhaustion,
  xidWraparound,
  autovacuumBlocked,
  slowQuery,
  cacheHitRatio,
  connectionSaturation,
  idleInTransaction,
  longTransaction,
  lockWaits,
  tempFiles,
  checkpointsRequested,
  missingStatementTimeout,
  missingPgStatStatements,
  replicationSlotLag,
  settingsReview,
  extensionVersionsOutdated,
  xminHorizon,
  orphanedPreparedTransaction,
  walHeavyStatement,
  ioHeavyStatement,
  planningHeavyStatement,
  cacheCandidate,
]
