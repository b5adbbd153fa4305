import { findSettingsHere } from '../catalog/databaseSettings.ts'
import { displayIdentifier } from '../postgres/identifiers.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/**
 * Holds when `ALTER ROLE ... IN DATABASE` gave the role exactly this value in this database; where the role is null, when
 * `ALTER DATABASE` gave it to all roles.
 */
export function settingHereIs(role: string | null, setting: string, value: string): Condition {
  return {
    description: `${nameOf(role)} has ${setting} = ${value} in this database`,
    async check(db) {
      const found = await findSettingsHere(db, role)
      if (!found) return fails(value, 'no such role')
      const actual = found[setting]
      return actual === value ? holds : fails(value, actual ?? 'unset')
    },
  }
}

/** Holds when the setting is not set in this database for the role, or for all roles where it is null. */
export function settingHereIsUnset(role: string | null, setting: string): Condition {
  return {
    description: `${nameOf(role)} has no ${setting} of its own in this database`,
    async check(db) {
      const found = await findSettingsHere(db, role)
      if (!found) return fails('unset', 'no such role')
      const actual = found[setting]
      return actual === undefined ? holds : fails('unset', actual)
    },
  }
}

function nameOf(role: string | null): string {
  return role === null ? 'every role' : `role ${displayIdentifier(role)}`
}
