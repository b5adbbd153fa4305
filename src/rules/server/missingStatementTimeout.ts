import { alterRoleSetting } from '../../operations/alterRoleSetting.ts'
import { displayIdentifier } from '../../postgres/identifiers.ts'
import { findServerTimeout, listRoleTimeouts } from '../../catalog/roleTimeouts.ts'
import { measured, migration } from '../remedies.ts'
import type { Rule } from '../rule.ts'

/** For visitors, for users, and for everything else that serves requests. */
const timeouts: Record<string, string> = { anon: '3s', authenticated: '8s' }
const otherTimeout = '30s'

/**
 * Roles of applications without a statement_timeout. A runaway statement holds its connection, its locks and its
 * snapshot until somebody notices; a pool full of them stops the application.
 *
 * ```sql
 * SELECT ... CROSS JOIN ...;                    -- before: runs for an hour, the client is long gone
 * ALTER ROLE anon SET statement_timeout = '3s'; -- after: ERROR: canceling statement due to statement timeout
 * ```
 *
 * Roles that own tables are left out: they migrate and maintain, which takes long.
 */
export const missingStatementTimeout: Rule = {
  name: 'missing_statement_timeout',
  finds: 'roles of applications without a statement_timeout',
  cure: 'a statement_timeout for the role',
  async find(context) {
    const server = await context.read(findServerTimeout)
    if (server !== undefined && server > 0) return []
    const roles = await context.read(listRoleTimeouts)
    return roles
      .filter(({ effective }) => effective === null || /^0\s*[a-z]*$/.test(effective))
      .map(({ name, own }) => {
        const value = timeouts[name] ?? otherTimeout
        const problem = `No timeout ends a runaway statement of role ${displayIdentifier(name)}.`
        return {
          level: 'warn' as const,
          subject: [name],
          detail: problem,
          evidence: [
            measured('statement_timeout of the role', own),
            measured('of the server', server ?? 'hidden behind one of this session'),
          ],
          remedy: migration(
            alterRoleSetting(
              name,
              { setting: 'statement_timeout', value, current: own },
              {
                rule: 'missing_statement_timeout',
                why: `${problem} Until then it holds a connection, its locks and its snapshot. With ${value} the server ends it; the setting holds for new sessions. Before you merge: check that no statement of this role needs longer.`,
              },
            ),
          ),
        }
      })
  },
}
