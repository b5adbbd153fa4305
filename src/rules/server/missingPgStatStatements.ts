import { createExtension } from '../../operations/createExtension.ts'
import { findStatementsExtension } from '../../catalog/statementsExtension.ts'
import { measured, migration, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'

/**
 * No pg_stat_statements: nobody knows which statements take the time, and everything that would help is a guess.
 *
 * ```sql
 * SELECT query FROM pg_stat_statements ORDER BY total_exec_time DESC;  -- before: ERROR: does not exist
 * CREATE EXTENSION pg_stat_statements WITH SCHEMA extensions;          -- after
 * ```
 */
export const missingPgStatStatements: Rule = {
  name: 'missing_pg_stat_statements',
  finds: 'a database whose statements nobody counts',
  cure: 'CREATE EXTENSION pg_stat_statements',
  async find(context) {
    const { isInstalled, isAvailable, isLoaded, schema } = await context.read(findStatementsExtension)
    if (isInstalled && isLoaded) return []
    const problem = isInstalled
      ? 'pg_stat_statements is installed, but its library is not loaded: it counts nothing.'
      : 'pg_stat_statements is not installed: nobody knows which statements take the time.'
    return [
      {
        level: 'warn',
        subject: ['pg_stat_statements'],
        detail: problem,
        evidence: [
          measured('installed', isInstalled),
          measured('available', isAvailable),
          measured('library loaded', isLoaded),
        ],
        remedy:
          isAvailable && isLoaded
            ? migration(
                createExtension('pg_stat_statements', schema, {
                  rule: 'missing_pg_stat_statements',
                  why: `${problem} Its library is loaded already and counts; the extension shows the counters, with normalised texts without values.`,
                }),
              )
            : runbook(
                'Load and install pg_stat_statements',
                ...(isAvailable ? [] : ['Install the package of contrib modules for this PostgreSQL.']),
                "Add it to what is loaded: ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'; keep what is listed there already.",
                'Restart the server. On a managed platform switch the extension on in its console.',
                ...(isInstalled ? [] : [`CREATE EXTENSION pg_stat_statements WITH SCHEMA ${schema};`]),
              ),
      },
    ]
  },
}
