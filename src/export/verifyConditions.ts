import type { ClientBase } from 'pg'
import type { Condition } from '../conditions/condition.ts'
import { checkConditions } from '../migrate/checkConditions.ts'
import type { CheckedCondition } from '../migrate/migration.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import { inReadOnlyTransaction } from '../migrate/script.ts'

/** Checks conditions in a read-only transaction, whoever runs the migration. */
export function verifyConditions(
  client: ClientBase,
  conditions: Condition[],
  phase: 'before' | 'after',
): Promise<CheckedCondition[]> {
  const { statementTimeoutMs } = defaultRunOptions
  return inReadOnlyTransaction({ client, statementTimeoutMs }, () =>
    checkConditions(client, conditions, phase),
  )
}
