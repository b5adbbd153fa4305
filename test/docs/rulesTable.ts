import { markdownTable } from '../../src/report/markdownTable.ts'
import type { Rule } from '../../src/rules/rule.ts'
import { replaceMarkedSection } from './markedSection.ts'

/** docs/rules.md with the table of all rules between `<!-- rules -->` and `<!-- /rules -->`, each with its page. */
export function withRulesTable(page: string, rules: Rule[]): string {
  const rows = rules.map(({ name, finds, cure }) => [`[\`${name}\`](rules/${name}.md)`, finds, cure])
  return replaceMarkedSection(page, 'rules', markdownTable(['Rule', 'Finds', 'Fix'], rows))
}
