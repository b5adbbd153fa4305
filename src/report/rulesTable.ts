import type { Rule } from '../rules/rule.ts'
import { markdownTable } from './markdownTable.ts'

/** What stands around the table in docs/rules.md. */
export const rulesMarkers = { begin: '<!-- rules -->', end: '<!-- /rules -->' }

/** The table of rules in docs/rules.md: name, what it finds, what cures it. */
export function rulesTable(rules: Rule[]): string {
  return markdownTable(
    ['Rule', 'Finds', 'Cure'],
    rules.map(({ name, finds, cure }) => [`\`${name}\``, finds, cure]),
  )
}

/** The page with the table between its markers put in anew; undefined where it has no markers. */
export function withRulesTable(page: string, rules: Rule[]): string | undefined {
  const begin = page.indexOf(rulesMarkers.begin)
  const end = page.indexOf(rulesMarkers.end)
  if (begin < 0 || end < begin) return undefined
  return `${page.slice(0, begin + rulesMarkers.begin.length)}\n\n${rulesTable(rules)}\n\n${page.slice(end)}`
}
