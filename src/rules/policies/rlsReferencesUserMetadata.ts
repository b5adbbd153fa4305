import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../syntax/nodes.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Policies that trust what users can write about themselves. `user_metadata` is theirs to change with one call of
 * the API; `app_metadata` is not.
 *
 * ```sql
 * USING ((auth.jwt() -> 'user_metadata' ->> 'role') = 'admin')  -- anybody makes himself an administrator
 * USING ((auth.jwt() -> 'app_metadata' ->> 'role') = 'admin')
 * ```
 */
export const rlsReferencesUserMetadata: Rule = {
  name: 'rls_references_user_metadata',
  finds: 'policies that read user_metadata, which users can change themselves',
  cure: 'app_metadata or a table of your own',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { parsed } = await context.read(readParsedPolicies)
    const findings = parsed
      .filter(
        ({ policy, using, check }) =>
          wanted(policy.table.schema) && [using, check].some((tree) => tree && readsUserMetadata(tree)),
      )
      .map(({ policy }) => ({
        level: policy.table.rowSecurity ? ('error' as const) : ('warn' as const),
        subject: [policy.table.schema, policy.table.name, policy.name],
        detail: `Policy ${displayIdentifier(policy.name)} on ${display(policy.table)} reads user_metadata, which every user can change.`,
        evidence: [measured('using', policy.using), measured('check', policy.check)],
        remedy: runbook(
          'Keep rights where only you can write them',
          'Copy what the policy reads into app_metadata (auth.admin.updateUserById), or into a table of your own.',
          'Change the policy to read it there; users get the new claims with their next token.',
        ),
      }))
    return unlessPoliciesLocked(context, findings)
  },
}

/** `auth.jwt() -> 'user_metadata'` in any of its spellings, or the column of auth.users behind it. */
function readsUserMetadata(tree: Node): boolean {
  let readsToken = false
  let namesMetadata = false
  for (const node of nodesIn(tree)) {
    const column = as(node, 'ColumnRef')
    if (column && words(column.fields).at(-1) === 'raw_user_meta_data') return true
    const call = as(node, 'FuncCall')
    if (call && ['auth.jwt', 'current_setting'].includes(words(call.funcname).join('.'))) readsToken = true
    // Within a path as well: #>> '{user_metadata,role}'.
    if (/(^|[{,"])user_metadata($|[},"])/.test(as(node, 'A_Const')?.sval?.sval ?? '')) namesMetadata = true
  }
  return readsToken && namesMetadata
}
