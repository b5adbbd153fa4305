import { UsageError } from '../errors.ts'
import { rules } from '../rules/index.ts'
import type { Rule } from '../rules/rule.ts'

/** `a,b` -> the rules of these names; all of them where the option is not given. */
export function parseRules(names: string | undefined): Rule[] {
  if (names === undefined) return rules
  return names.split(',').map((name) => {
    const rule = rules.find((each) => each.name === name.trim())
    if (rule) return rule
    throw new UsageError(
      `There is no rule called ${name.trim() || '""'}.`,
      `There are: ${rules.map((each) => each.name).join(', ')}.`,
    )
  })
}
