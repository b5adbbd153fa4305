import { displayIdentifier } from '../postgres/identifiers.ts'
import { findRole } from '../catalog/roles.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** Holds when `ALTER ROLE ... SET setting` gave the role exactly this value, for every database. */
export function roleSettingIs(role: string, setting: string, value: string): Condition {
  return {
    description: `role ${displayIdentifier(role)} has ${setting} = ${value}`,
    async check(db) {
      const found = await findRole(db, role)
      if (!found) return fails(value, 'no such role')
      const actual = found.settings[setting]
      return actual === value ? holds : fails(value, actual ?? 'unset')
    },
  }
}

/** Holds when the role exists and the setting is not set for it. */
export function roleSettingIsUnset(role: string, setting: string): Condition {
  return {
    description: `role ${displayIdentifier(role)} has no ${setting} of its own`,
    async check(db) {
      const found = await findRole(db, role)
      if (!found) return fails('unset', 'no such role')
      const actual = found.settings[setting]
      return actual === undefined ? holds : fails('unset', actual)
    },
  }
}
