import { createHash } from 'node:crypto'
import { cacheOutbox } from '../catalog/cacheOutbox.ts'
import { cacheOutboxIsUsable, changesAreAnnounced, changesAreNotAnnounced } from '../conditions/cache.ts'
import { functionBodyIs, functionIsAbsent } from '../conditions/functions.ts'
import { columnsExist } from '../conditions/tables.ts'
import { dollarQuote } from '../postgres/dollarQuote.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import { announceBody, announceFunctionName, rowsAfter, rowsBefore } from './announceFunction.ts'
import type { Operation } from './operation.ts'
import { condition, work } from './operation.ts'
import type { TagTemplate } from './tagTemplate.ts'
import { columnsOf } from './tagTemplate.ts'
import { operationTitle } from './titles.ts'

/** A table whose changes are announced. */
export interface AnnouncedTable {
  table: RelationName
  tags: readonly TagTemplate[]
  /** Its partitions and what inherits from it: somebody may write to them directly. */
  descendants: readonly RelationName[]
  /** A tag has a date in it, whose text depends on DateStyle. */
  hasDates: boolean
}

/**
 * Triggers that write the tags of changed rows to the outbox and announce them.
 *
 * ```sql
 * CREATE TRIGGER hundredfold_cache_update AFTER UPDATE ON public.professionals
 *   REFERENCING OLD TABLE AS rows_before NEW TABLE AS rows_after
 *   FOR EACH STATEMENT EXECUTE FUNCTION hundredfold_cache.announce_professionals_1f3a9c02();
 * ```
 */
export function announceChanges({ table, tags, descendants, hasDates }: AnnouncedTable): Operation {
  const name = announceFunctionName(table)
  const routine = { schema: cacheOutbox.schema, name, args: '' }
  const signature = `${qualified(routine)}()`
  const body = announceBody(tags)
  const columns = columnsOf(tags)
  const dates = hasDates ? ` SET datestyle = 'ISO, YMD'` : ''
  const tables = [table, ...descendants]
  const texts = tags.map(({ text }) => text)
  const columnsAreThere = columns.length === 0 ? [] : [condition(columnsExist, table, columns)]
  return {
    ...work('announceChanges', table.schema, table.name, texts),
    on: [table.schema, table.name],
    title: operationTitle('announce', 'changes', 'of', table.name),
    rule: 'slow_query',
    why:
      `Cached values about ${display(table)} carry the tags ${texts.join(', ')}. These triggers name the tags that a ` +
      'statement changes, once for each statement, so that the values are dropped when it commits.',
    up: [
      `CREATE FUNCTION ${signature} RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''${dates} AS ${dollarQuote(body)}`,
      `REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`,
      ...tables.flatMap((each) => triggersOf(each, signature)),
    ],
    down: [
      // A partition may be gone by then.
      ...tables.flatMap((each) =>
        Object.keys(transitions).map(
          (event) => `DROP TRIGGER IF EXISTS ${triggerName(event)} ON ${qualified(each)}`,
        ),
      ),
      `DROP FUNCTION ${signature}`,
    ],
    before: [
      condition(cacheOutboxIsUsable),
      ...columnsAreThere,
      condition(functionIsAbsent, routine),
      ...tables.map((each) => condition(changesAreNotAnnounced, each)),
    ],
    after: [
      ...columnsAreThere,
      condition(functionBodyIs, routine, createHash('md5').update(body).digest('hex')),
      condition(changesAreAnnounced, table, name),
    ],
  }
}

/** What each trigger sees: a statement that deletes has its rows where one that inserts has them. */
const transitions: Record<string, string> = {
  insert: `REFERENCING NEW TABLE AS ${rowsAfter} `,
  update: `REFERENCING OLD TABLE AS ${rowsBefore} NEW TABLE AS ${rowsAfter} `,
  delete: `REFERENCING OLD TABLE AS ${rowsAfter} `,
  truncate: '',
}

function triggersOf(table: RelationName, signature: string): string[] {
  return Object.entries(transitions).map(
    ([event, referencing]) =>
      `CREATE TRIGGER ${triggerName(event)} AFTER ${event.toUpperCase()} ON ${qualified(table)} ${referencing}` +
      `FOR EACH STATEMENT EXECUTE FUNCTION ${signature}`,
  )
}

function triggerName(event: string): string {
  return quote(`hundredfold_cache_${event}`)
}
