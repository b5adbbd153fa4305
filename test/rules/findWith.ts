import type { Client } from 'pg'
import { borrow } from '../../src/db/database.ts'
import { readOnly } from '../../src/db/readOnly.ts'
import type { Finding, Rule } from '../../src/rules/rule.ts'
import { ruleContext } from '../../src/rules/rule.ts'
import type { RuleName } from '../../src/rules/ruleNames.ts'

/** What a rule finds, looked for as `diagnose` does: in a read-only snapshot with an empty `search_path`. */
export async function findWith(
  client: Client,
  rule: Rule,
  schemas?: string[],
  rules?: RuleName[],
): Promise<Finding[]> {
  return readOnly(client, () => rule.find(ruleContext(borrow(client), schemas, rules)))
}
