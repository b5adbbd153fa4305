import { listBypassingLogins } from '../../catalog/bypassingLogins.ts'
import { displayIdentifier, quote } from '../../postgres/identifiers.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'

/**
 * Roles with BYPASSRLS that log in: no policy of any table applies to their sessions. For backups and administration that is
 * intended; a role that serves requests then serves everybody's rows.
 *
 * ```sql
 * ALTER ROLE app NOBYPASSRLS;
 * ```
 *
 * It is a matter of the whole server and changes what the role sees, so it is not written as a migration.
 */
export const bypassrlsLoginRole: Rule = {
  name: 'bypassrls_login_role',
  finds: 'roles with BYPASSRLS that log in',
  cure: 'steps: NOBYPASSRLS for what serves requests',
  async find(context) {
    return (await context.read(listBypassingLogins)).map((name) => ({
      level: 'warn' as const,
      subject: [name],
      detail: `No policy applies to ${displayIdentifier(name)}, which can log in: it has BYPASSRLS.`,
      evidence: [measured('logs in', true)],
      remedy: runbook(
        'Keep BYPASSRLS from what serves requests',
        'If it is for backups or administration only, leave it and list it in the ignore file.',
        `ALTER ROLE ${quote(name)} NOBYPASSRLS; -- then policies apply to it: try its queries first`,
        `To take it back: ALTER ROLE ${quote(name)} BYPASSRLS;`,
      ),
    }))
  },
}
