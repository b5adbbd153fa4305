import type { Rule } from '../rules/rule.ts'
import { markdownTable } from './markdownTable.ts'

/** The markers around the table in docs/rules.md. */
export const rulesMarkers = { begin: '<!-- rules -->', end: '<!-- /rules -->' }

/** The table of rules in docs/rules.md: name, what it finds, what fixes it. */
export function rulesTable(rules: Rule[]): string {
  return markdownTable(
    ['Rule', 'Finds', 'Fix'],
    rules.map(({ name, finds, cure }) => [`\`${name}\``, finds, cure]),
  )
}

/** The page with a new table between its markers; undefined if it has none. */
export function withRulesTable(page: string, rules: Rule[]): string | undefined {
  const begin = page.indexOf(rulesMarkers.begin)
  const end = page.indexOf(rulesMarkers.end)
  if (begin < 0 || end < begin) return undefined
  return `${page.slice(0, begin + rulesMarkers.begin.length)}\n\n${rulesTable(rules)}\n\n${page.slice(end)}`
}
