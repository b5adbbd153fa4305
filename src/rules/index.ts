import type { Rule } from './rule.ts'

/** Every rule, in the order of `ruleNames`. */
export const rules: Rule[] = []
