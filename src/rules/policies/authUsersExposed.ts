import { listExposedRelations } from '../../catalog/exposure.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { listViewReads } from '../../catalog/viewReads.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'

/**
 * Views that the API can reach and that show rows of auth.users: e-mail addresses, and whatever else is kept about people.
 * They read with the rights of their owner, so that nobody's policies keep the rows out.
 *
 * ```sql
 * CREATE VIEW members AS SELECT id, email FROM auth.users;    -- everybody's address
 * CREATE TABLE profiles (id uuid REFERENCES auth.users, ...); -- what others may see, with policies of its own
 * ```
 */
export const authUsersExposed: Rule = {
  name: 'auth_users_exposed',
  finds: 'views over auth.users that anon or authenticated can read',
  cure: 'steps: a table of what others may see',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const relations = await context.read(listExposedRelations)
    const users = relations.find(({ schema, name }) => schema === 'auth' && name === 'users')
    if (!users) return []
    const reads = await context.read(listViewReads)
    return relations
      .filter(
        (view) =>
          'vm'.includes(view.kind) &&
          !view.isSecurityInvoker &&
          view.reachableBy.length > 0 &&
          wanted(view.schema) &&
          (reads.get(view.oid) ?? []).includes(users.oid),
      )
      .map((view) => ({
        level: 'error' as const,
        subject: [view.schema, view.name],
        detail: `The view ${display(view)} shows rows of auth.users, and ${view.reachableBy.join(' and ')} may read it.`,
        evidence: [measured('owner', view.owner), measured('reachable by', view.reachableBy.join(', '))],
        remedy: runbook(
          'Keep what others may see in a table of its own',
          'Make a table such as public.profiles whose key refers to auth.users, with policies, and fill it by a trigger on auth.users.',
          `Until then: REVOKE ALL ON ${qualified(view)} FROM ${view.reachableBy.map(quote).join(', ')};`,
        ),
      }))
  },
}
