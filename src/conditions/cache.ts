import { cacheOutbox, cacheOutboxIsOurs } from '../catalog/cacheOutbox.ts'
import { findTriggersInto } from '../catalog/cacheTables.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { shortList } from '../shortList.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/**
 * Holds when triggers of this role can write to the outbox of changed tags. A trigger that cannot makes every write to its
 * table fail.
 */
export function cacheOutboxIsUsable(): Condition {
  return {
    description: `this role may read and write ${display(cacheOutbox)}`,
    async check(db) {
      if (await cacheOutboxIsOurs(db)) return holds
      return fails('an outbox with SELECT, INSERT, UPDATE and DELETE for this role', 'none')
    },
  }
}

const events = ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']

/** Holds when the table has the triggers that call this function of the outbox's schema, one for each event, enabled. */
export function changesAreAnnounced(table: RelationName, functionName: string): Condition {
  return {
    description: `changes of ${display(table)} are announced by ${display({ ...cacheOutbox, name: functionName })}`,
    async check(db) {
      const triggers = await findTriggersInto(db, table, cacheOutbox.schema)
      const fired = triggers.filter(({ calls, isEnabled }) => calls === functionName && isEnabled)
      const missing = events.filter((each) => !fired.some(({ event }) => event === each))
      if (missing.length === 0) return holds
      return fails('a trigger for each event', `none for ${shortList(missing)}`)
    },
  }
}

/** Holds when no trigger of the table writes to the outbox. */
export function changesAreNotAnnounced(table: RelationName): Condition {
  return {
    description: `changes of ${display(table)} are not announced`,
    async check(db) {
      const triggers = await findTriggersInto(db, table, cacheOutbox.schema)
      if (triggers.length === 0) return holds
      return fails('no such trigger', `trigger ${shortList(triggers.map(({ name }) => name))}`)
    },
  }
}
