import { authRlsInitplan } from './authRlsInitplan.ts'
import { duplicateIndex } from './duplicateIndex.ts'
import { invalidIndex } from './invalidIndex.ts'
import { missingIndex } from './missingIndex.ts'
import { nullHeavyIndex } from './nullHeavyIndex.ts'
import { policyFunctionInitplan } from './policyFunctionInitplan.ts'
import { policyMembershipFunction } from './policyMembershipFunction.ts'
import { redundantIndex } from './redundantIndex.ts'
import type { Rule } from './rule.ts'
import { unindexedForeignKeys } from './unindexedForeignKeys.ts'
import { unusedIndex } from './unusedIndex.ts'

/** Every rule, in the order of `ruleNames`. */
export const rules: Rule[] = [
  authRlsInitplan,
  policyFunctionInitplan,
  policyMembershipFunction,
  missingIndex,
  unindexedForeignKeys,
  duplicateIndex,
  redundantIndex,
  unusedIndex,
  invalidIndex,
  nullHeavyIndex,
]
