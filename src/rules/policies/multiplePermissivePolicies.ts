import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { byTable } from '../../catalog/byTable.ts'
import type { PolicyOnTable } from '../../policies/read/policyCatalog.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { measured } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

const commands = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const

/**
 * Several permissive policies that apply to one role and command: each is evaluated until one lets the row pass.
 * Merging four of them gained 4 % when measured, and merging FOR ALL with FOR SELECT lets more rows be deleted than
 * before. So this is advice, and no migration is written.
 *
 * ```sql
 * CREATE POLICY a ON notes FOR SELECT USING (owner_id = (SELECT auth.uid()));
 * CREATE POLICY b ON notes FOR SELECT USING (is_public);
 * -- the same as one: USING (owner_id = (SELECT auth.uid()) OR is_public)
 * ```
 */
export const multiplePermissivePolicies: Rule = {
  name: 'multiple_permissive_policies',
  finds: 'several permissive policies for one role and command',
  cure: 'advice only: merging gains little',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { catalog } = await context.read(readParsedPolicies)
    const asked = catalog.policies.filter(
      ({ permissive, table }) => permissive && table.rowSecurity && wanted(table.schema),
    )
    return unlessPoliciesLocked(context, [...byTable(asked).values()].flatMap(findingsOf))
  },
}

function findingsOf(policies: PolicyOnTable[]): Violation[] {
  const roles = new Set(policies.flatMap((policy) => (policy.roles.length > 0 ? policy.roles : ['public'])))
  return [...roles].flatMap((role) =>
    commands.flatMap((command): Violation[] => {
      const met = policies.filter(
        (policy) =>
          (policy.command === command || policy.command === 'ALL') &&
          (policy.roles.length === 0 || policy.roles.includes(role)),
      )
      // Policies for everybody are reported once, and not again for each role that no other policy applies to.
      const isOwn = role === 'public' || met.some((policy) => policy.roles.includes(role))
      const [first] = met
      if (!first || met.length < 2 || !isOwn) return []
      return [
        {
          level: 'info',
          subject: [first.table.schema, first.table.name, role, command],
          detail: `${met.length} permissive policies apply to ${displayIdentifier(role)} for ${command} on ${display(first.table)}.`,
          evidence: [measured('policies', met.map(({ name }) => displayIdentifier(name)).join(', '))],
          remedy: {
            kind: 'none',
            title:
              'Left as they are: merging them gains a few per cent at most, and only policies of the same command and roles may be merged.',
          },
        },
      ]
    }),
  )
}
