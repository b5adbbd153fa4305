import type { Client } from 'pg'
import { readOnce } from '../../src/catalog/reader.ts'
import { borrow } from '../../src/postgres/database.ts'
import { readOnly } from '../../src/postgres/readOnly.ts'
import type { RewriteRule } from '../../src/policies/rewrite/change.ts'
import type { PolicyRewrite } from '../../src/policies/rewrite/policyRewrites.ts'
import { readParsedPolicies } from '../../src/policies/rewrite/parsedPolicies.ts'
import { rewritePolicies } from '../../src/policies/rewrite/policyRewrites.ts'

/** Every rewrite that the database's policies ask for, by the policy's name. */
export async function rewritesIn(client: Client, rules?: RewriteRule[]): Promise<Map<string, PolicyRewrite>> {
  const policies = await readOnly(client, () => readOnce(borrow(client))(readParsedPolicies))
  const { rewrites } = rewritePolicies(policies, rules && new Set(rules))
  return new Map(rewrites.map((rewrite) => [rewrite.policy.name, rewrite]))
}

/** Makes a policy for each predicate, named by it, on the table. */
export async function createPolicies(client: Client, table: string, predicates: string[]): Promise<void> {
  for (const [index, predicate] of predicates.entries()) {
    await client.query(`CREATE POLICY p${index} ON ${table} USING (${predicate})`)
  }
}
