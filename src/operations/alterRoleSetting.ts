import { escapeLiteral } from 'pg'
import { roleSettingIs, roleSettingIsUnset } from '../conditions/roles.ts'
import { quote } from '../postgres/identifiers.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Sets what a role's sessions begin with, in every database; `down` restores what was set before.
 *
 * ```sql
 * ALTER ROLE "anon" SET statement_timeout = '3s'
 * -- down
 * ALTER ROLE "anon" RESET statement_timeout
 * ```
 */
export function alterRoleSetting(
  role: string,
  { setting, value, current }: { setting: string; value: string; current: string | null },
  reason: Reason,
): Operation {
  const set = (to: string): string => `ALTER ROLE ${quote(role)} SET ${setting} = ${escapeLiteral(to).trim()}`
  return {
    ...work('alterRoleSetting', role, setting, current, value),
    on: [],
    title: operationTitle('set', role, setting),
    ...reason,
    up: [set(value)],
    down: [current === null ? `ALTER ROLE ${quote(role)} RESET ${setting}` : set(current)],
    before: [
      current === null
        ? condition(roleSettingIsUnset, role, setting)
        : condition(roleSettingIs, role, setting, current),
    ],
    after: [condition(roleSettingIs, role, setting, value)],
  }
}
