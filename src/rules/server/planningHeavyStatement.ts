import { listSettings } from '../../catalog/settings.ts'
import { runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { heavyFindings, planning } from './heavyStatements.ts'

/**
 * Statements that take longer to plan than to execute: many joins, many partitions, policies with long bodies.
 *
 * ```sql
 * SELECT ... FROM a JOIN b ... JOIN h ...;        -- before: planned for 4 ms at each call, executed in 0.2 ms
 * PREPARE page AS SELECT ...; EXECUTE page(1);    -- after: planned once per session
 * ```
 */
export const planningHeavyStatement = planningHeavyStatementFrom()

/** The rule with another least time. */
export function planningHeavyStatementFrom(least?: { ms: number; share: number }): Rule {
  return {
    name: 'planning_heavy_statement',
    finds: 'statements that take longer to plan than to execute, where that is a twentieth of all time',
    cure: 'preparing them, so that they are planned once per session',
    async find(context) {
      if ((await context.read(listSettings)).get('pg_stat_statements.track_planning')?.value === 'off') {
        throw new CannotSee(
          'pg_stat_statements.track_planning is off, so nobody counts the time of planning; it costs a little where many sessions send the same statement.',
        )
      }
      return heavyFindings(context, planning(least), () =>
        runbook(
          'Prepare it',
          'Let the driver prepare it by name (node-postgres: name; JDBC: prepareThreshold; psycopg: prepare=True).',
          'Behind PgBouncer in transaction mode that needs version 1.21 and max_prepared_statements; see docs/connections.md.',
          "Where the plan for any parameters is as good: ALTER ROLE ... SET plan_cache_mode = 'force_generic_plan'.",
          'Each partition that it does not exclude and each join is planned too: compare the partition key, and leave out joins that return nothing.',
          'Where its tables have policies: auth_function_planning.',
        ),
      )
    },
  }
}
