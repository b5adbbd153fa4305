import { format } from 'prettier'
import type { Operation } from '../../src/operations/operation.ts'
import type { Finding, Rule } from '../../src/rules/rule.ts'
import { replaceMarkedSection } from './markedSection.ts'
import { readRuleDoc } from './ruleDoc.ts'

/** The SQL of a page, by the comment that a block begins with. */
export interface Example {
  /** What both stand on; empty where the page has none. */
  given: string
  bad: string
  good: string
}

/** What `diagnose` and `optimize` say of the bad SQL. */
export interface Outcome {
  finding: Finding
  /** Of the migrations that `optimize` writes, in their order. */
  operations: Operation[]
}

const block = (name: string) => new RegExp(`\`\`\`sql\n-- ${name}\n([^]*?)\n\`\`\``)

/** The three blocks of a page. */
export function exampleOf(page: string): Example {
  const read = (name: string) => block(name).exec(page)?.[1]
  const [bad, good] = [read('bad'), read('good')]
  if (bad === undefined || good === undefined) throw new Error('the page has no bad or no good SQL')
  return { given: read('given') ?? '', bad, good }
}

/**
 * The page of a rule with what the code says in its two sections: below the title what the rule finds, why and how it is
 * fixed, and below the SQL what it says of the bad one. Where the page tells why in its own words, the code does not.
 */
export async function withFacts(
  page: string,
  rule: Rule,
  { writes, outcome }: { writes: boolean; outcome?: Outcome },
): Promise<string> {
  const { why, levels } = readRuleDoc(rule.name)
  const tellsWhy = !/<!-- \/rule -->\s+```sql/.test(page)
  const head = [
    `Finds ${rule.finds}.`,
    [
      `- **Level**: ${levels.map((level) => `\`${level}\``).join(' or ')}`,
      `- **Fix**: ${rule.cure}`,
      `- **Migration**: ${writes ? '`optimize` writes it, where its way back is exact' : 'none; the finding says what to do'}`,
    ].join('\n'),
    ...(tellsWhy ? [] : [why]),
  ]
  const whole = replaceMarkedSection(page, 'rule', head.join('\n\n'))
  const text = outcome ? replaceMarkedSection(whole, 'found', found(outcome)) : whole
  return format(text, { parser: 'markdown', printWidth: 110 })
}

function found({ finding: { level, detail, remedy }, operations }: Outcome): string {
  const says = `Of the bad one, \`diagnose\` says:\n\n> \`${level}\`: ${detail.replaceAll(/\s+/g, ' ')}`
  if (operations.length === 0) return `${says}\n>\n> ${remedy.title}.`
  const statements = operations.flatMap(({ up }) => up.map((statement) => `${statement};`))
  return `${says}\n\nThe migration that \`optimize\` writes for it does this, and its \`down\` takes it back:\n\n\`\`\`sql\n${statements.join('\n')}\n\`\`\``
}
