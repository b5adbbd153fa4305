import { escapeLiteral } from 'pg'
import { settingHereIs, settingHereIsUnset } from '../conditions/databaseSettings.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Sets what sessions of a role begin with in this database alone, or those of every role that has nothing of its own; `down`
 * restores what was set before. A database has another name elsewhere, so the statement asks for it.
 *
 * ```sql
 * ALTER ROLE "app" IN DATABASE "shop" SET statement_timeout = '30s'
 * -- down
 * ALTER ROLE "app" IN DATABASE "shop" RESET statement_timeout
 * ```
 *
 * @param role null for `ALTER DATABASE ... SET`
 */
export function alterSettingHere(
  role: string | null,
  { setting, value, current }: { setting: string; value: string; current: string | null },
  reason: Reason,
): Operation {
  const alter = (change: string, ...values: string[]): string => {
    const args = [...(role === null ? [] : [literal(role)]), 'pg_catalog.current_database()', ...values]
    const whose = role === null ? 'ALTER DATABASE %I' : 'ALTER ROLE %I IN DATABASE %I'
    return `DO $do$ BEGIN EXECUTE pg_catalog.format(${[`'${whose} ${change}'`, ...args].join(', ')}); END $do$`
  }
  const set = (to: string): string => alter(`SET ${setting} = %L`, literal(to))
  return {
    ...work('alterSettingHere', role, setting, current, value),
    on: [],
    title: operationTitle('set', role ?? 'database', setting),
    ...reason,
    up: [set(value)],
    down: [current === null ? alter(`RESET ${setting}`) : set(current)],
    before: [
      current === null
        ? condition(settingHereIsUnset, role, setting)
        : condition(settingHereIs, role, setting, current),
    ],
    after: [condition(settingHereIs, role, setting, value)],
  }
}

function literal(text: string): string {
  return escapeLiteral(text).trim()
}
