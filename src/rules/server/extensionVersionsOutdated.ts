import { listOutdatedExtensions } from '../../catalog/extensions.ts'
import { displayIdentifier, quote } from '../../postgres/identifiers.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'

/**
 * Extensions whose objects are older than the library that the server has for them. After an upgrade of the server
 * the old definitions stay until somebody updates them.
 *
 * ```sql
 * SELECT installed_version, default_version FROM pg_available_extensions;  -- before: 1.3 and 1.6
 * ALTER EXTENSION pg_trgm UPDATE;                                          -- after: 1.6
 * ```
 *
 * The fix is a runbook and not a migration: extensions bring scripts only for the way up.
 */
export const extensionVersionsOutdated: Rule = {
  name: 'extension_versions_outdated',
  finds: 'extensions that were not updated with the server',
  cure: 'ALTER EXTENSION ... UPDATE',
  async find(context) {
    const outdated = await context.read(listOutdatedExtensions)
    return outdated.map(({ name, installedVersion: installed, defaultVersion: available, hasPath }) => ({
      level: 'warn' as const,
      subject: [name],
      detail: `Extension ${displayIdentifier(name)} is at version ${installed}, the server has ${available}.`,
      evidence: [measured('installed', installed), measured('available', available)],
      remedy: hasPath
        ? runbook(
            `Update ${displayIdentifier(name)}`,
            'Read its release notes, and try it on a copy: there is no script for the way back.',
            `ALTER EXTENSION ${quote(name)} UPDATE TO '${available}';`,
          )
        : runbook(
            `Install ${displayIdentifier(name)} anew`,
            `The server has no script from ${installed} to ${available}. See what depends on it, then DROP EXTENSION ${quote(name)} and CREATE EXTENSION ${quote(name)}; or bring the missing script.`,
          ),
    }))
  },
}
