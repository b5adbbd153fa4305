import { authRlsInitplan } from './authRlsInitplan.ts'
import { autovacuumSettings } from './autovacuumSettings.ts'
import { cacheHitRatio } from './cacheHitRatio.ts'
import { checkpointsRequested } from './checkpointsRequested.ts'
import { connectionSaturation } from './connectionSaturation.ts'
import { duplicateIndex } from './duplicateIndex.ts'
import { duplicatePolicy } from './duplicatePolicy.ts'
import { extensionVersionsOutdated } from './extensionVersionsOutdated.ts'
import { idleInTransaction } from './idleInTransaction.ts'
import { indexBloat } from './indexBloat.ts'
import { invalidIndex } from './invalidIndex.ts'
import { lockWaits } from './lockWaits.ts'
import { longTransaction } from './longTransaction.ts'
import { lowHotRatio } from './lowHotRatio.ts'
import { missingExtendedStatistics } from './missingExtendedStatistics.ts'
import { missingIndex } from './missingIndex.ts'
import { missingPgStatStatements } from './missingPgStatStatements.ts'
import { missingStatementTimeout } from './missingStatementTimeout.ts'
import { noPrimaryKey } from './noPrimaryKey.ts'
import { notValidConstraint } from './notValidConstraint.ts'
import { nullHeavyIndex } from './nullHeavyIndex.ts'
import { partitionCandidate } from './partitionCandidate.ts'
import { policyCorrelatedSubquery } from './policyCorrelatedSubquery.ts'
import { policyFunctionInitplan } from './policyFunctionInitplan.ts'
import { policyMembershipFunction } from './policyMembershipFunction.ts'
import { redundantIndex } from './redundantIndex.ts'
import { replicationSlotLag } from './replicationSlotLag.ts'
import type { Rule } from './rule.ts'
import { sequenceExhaustion } from './sequenceExhaustion.ts'
import { settingsReview } from './settingsReview.ts'
import { slowQuery } from './slowQuery.ts'
import { staleStatistics } from './staleStatistics.ts'
import { tableBloat } from './tableBloat.ts'
import { tempFiles } from './tempFiles.ts'
import { unindexedForeignKeys } from './unindexedForeignKeys.ts'
import { unindexedPolicyColumn } from './unindexedPolicyColumn.ts'
import { unusedIndex } from './unusedIndex.ts'
import { xidWraparound } from './xidWraparound.ts'

/** Every rule, in the order of `ruleNames`. */
export const rules: Rule[] = [
  authRlsInitplan,
  policyFunctionInitplan,
  policyMembershipFunction,
  policyCorrelatedSubquery,
  duplicatePolicy,
  unindexedPolicyColumn,
  missingIndex,
  unindexedForeignKeys,
  duplicateIndex,
  redundantIndex,
  unusedIndex,
  invalidIndex,
  indexBloat,
  nullHeavyIndex,
  noPrimaryKey,
  tableBloat,
  autovacuumSettings,
  staleStatistics,
  lowHotRatio,
  partitionCandidate,
  missingExtendedStatistics,
  notValidConstraint,
  sequenceExhaustion,
  xidWraparound,
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
]
