import { displayIdentifier } from '../postgres/identifiers.ts'
import { findExtension, libraryIsPreloaded } from '../catalog/extensions.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** Holds when the server offers the extension's files, so that CREATE EXTENSION can find them. */
export function extensionIsAvailable(name: string): Condition {
  return {
    description: `extension ${displayIdentifier(name)} is available on the server`,
    async check(db) {
      const found = await findExtension(db, name)
      return found ? holds : fails('an available extension', 'the server does not offer it')
    },
  }
}

/** Holds when the extension is installed in this database. */
export function extensionIsInstalled(name: string): Condition {
  return {
    description: `extension ${displayIdentifier(name)} is installed`,
    async check(db) {
      const found = await findExtension(db, name)
      return found?.installedVersion ? holds : fails('an installed extension', 'it is not installed')
    },
  }
}

/** Holds when the extension is not installed in this database. */
export function extensionIsAbsent(name: string): Condition {
  return {
    description: `extension ${displayIdentifier(name)} is not installed`,
    async check(db) {
      const found = await findExtension(db, name)
      return found?.installedVersion ? fails('not installed', `version ${found.installedVersion}`) : holds
    },
  }
}

/** Holds when the server loaded the extension's library at its start; without it, CREATE EXTENSION makes views that fail. */
export function extensionIsPreloaded(name: string): Condition {
  return {
    description: `extension ${displayIdentifier(name)} is among the server's shared_preload_libraries`,
    async check(db) {
      if (await libraryIsPreloaded(db, name)) return holds
      return fails(
        'a library that the server has loaded',
        'a library that is not loaded: that takes a change of the setting and a restart',
      )
    },
  }
}
