import { indexBloat } from './indexBloat.ts'
import type { Rule } from './rule.ts'
import { slowQuery } from './slowQuery.ts'
import { tableBloat } from './tableBloat.ts'

/** Every rule, in the order of `ruleNames`. */
export const rules: Rule[] = [indexBloat, tableBloat, slowQuery]
