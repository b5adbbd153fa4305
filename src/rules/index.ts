import { authRlsInitplan } from './authRlsInitplan.ts'
import { policyFunctionInitplan } from './policyFunctionInitplan.ts'
import type { Rule } from './rule.ts'

/** Every rule, in the order of `ruleNames`. */
export const rules: Rule[] = [authRlsInitplan, policyFunctionInitplan]
