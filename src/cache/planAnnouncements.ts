import type { ClientBase } from 'pg'
import { cacheOutbox } from '../catalog/cacheOutbox.ts'
import type { CacheTable } from '../catalog/cacheTables.ts'
import { findCacheTable } from '../catalog/cacheTables.ts'
import { findFunction } from '../catalog/functions.ts'
import { findRelation } from '../catalog/relations.ts'
import { UsageError } from '../errors.ts'
import { announceChanges } from '../operations/announceChanges.ts'
import { announceBody, announceFunctionName } from '../operations/announceFunction.ts'
import { createCacheOutbox } from '../operations/createCacheOutbox.ts'
import type { Operation } from '../operations/operation.ts'
import type { TagTemplate } from '../operations/tagTemplate.ts'
import { columnsOf } from '../operations/tagTemplate.ts'
import type { PendingMigration } from '../optimize/pendingMigrations.ts'
import { findPending } from '../optimize/pendingMigrations.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { shortList } from '../shortList.ts'

/** What is to be written, or why nothing is. */
export interface AnnouncementPlan {
  operations: Operation[]
  /** Why a table needs none: its triggers are there, or a pending file makes them. */
  skipped: string[]
}

/**
 * The migrations that make a table announce its changes: the outbox, where neither the database nor a pending file has it,
 * and the table's triggers. The database is only read.
 *
 * @throws UsageError that names what cannot be watched, and why
 */
export async function planAnnouncements(
  client: ClientBase,
  name: RelationName,
  tags: readonly TagTemplate[],
  pending: PendingMigration[],
): Promise<AnnouncementPlan> {
  return readOnly(client, async () => {
    const db = borrow(client)
    const table = await findCacheTable(db, name)
    if (!table) throw new UsageError(`There is no table ${display(name)}.`, 'Check its name and schema.')
    refuseTable(table)
    refuseColumns(table, tags)

    const announced = announceChanges({
      ...{ table: name, tags, descendants: table.descendants.map(({ schema, name }) => ({ schema, name })) },
      hasDates: columnsOf(tags).some((column) => textOf(table, column) === 'byDateStyle'),
    })
    const routine = announceFunctionName(name)
    const written =
      findPending(announced, pending) ?? pending.find(({ text }) => text.includes(routine))?.name
    if (written !== undefined) {
      return { operations: [], skipped: [`${display(name)}: the pending migration ${written} does that`] }
    }
    const there = await findFunction(db, { schema: cacheOutbox.schema, name: routine, args: '' })
    if (there?.source === announceBody(tags)) {
      return { operations: [], skipped: [`${display(name)} announces exactly these tags already`] }
    }
    if (there) {
      throw new UsageError(
        `${display(name)} announces other tags already, by ${display({ ...cacheOutbox, name: routine })}.`,
        'Take its migration back first (`npm run migrate down`), then write one with all tags.',
      )
    }
    const outbox = createCacheOutbox()
    const hasOutbox = (await findRelation(db, cacheOutbox)) !== undefined || findPending(outbox, pending)
    return { operations: [...(hasOutbox ? [] : [outbox]), announced], skipped: [] }
  })
}

function refuseTable(table: CacheTable): void {
  const { kind, parent, descendants } = table
  const refuse = (reason: string, next: string) => {
    throw new UsageError(`The changes of ${display(table)} cannot be announced: ${reason}.`, next)
  }
  if (kind !== 'table' && kind !== 'partitioned table') {
    refuse(
      kind === 'other' ? 'it is no table' : `it is a ${kind}, which has no such triggers`,
      'Name the tables that it reads.',
    )
  }
  if (table.isOfSystem) refuse("it is one of PostgreSQL's own", 'Name a table of yours.')
  if ([cacheOutbox.schema, 'hundredfold'].includes(table.schema)) {
    refuse("it is one of hundredfold's own", 'Name a table of yours.')
  }
  if (table.isTemporary) refuse('it is temporary', 'Name a table that other sessions see.')
  if (parent) {
    refuse(
      `it belongs to ${display(parent)}, and a statement there fires no trigger here`,
      `Give ${display(parent)} as the table; its partitions are included.`,
    )
  }
  const foreign = descendants.find(({ kind }) => kind === 'foreign table')
  if (foreign) {
    refuse(
      `${display(foreign)} below it is a foreign table, of which PostgreSQL does not collect changed rows`,
      'Detach it first.',
    )
  }
  const others = [table, ...descendants].filter(({ isOurs }) => !isOurs)
  if (others.length > 0) {
    refuse(
      `${shortList(others.map(display))} ${others.length === 1 ? 'belongs' : 'belong'} to another role`,
      'Run this as the owner.',
    )
  }
}

function refuseColumns(table: CacheTable, tags: readonly TagTemplate[]): void {
  const names = table.columns.map(({ name }) => displayIdentifier(name))
  for (const column of columnsOf(tags)) {
    const found = table.columns.find(({ name }) => name === column)
    if (!found) {
      throw new UsageError(
        `${display(table)} has no column ${displayIdentifier(column)}.`,
        `It has ${shortList(names)}; write the name as the catalog has it, without quotes.`,
      )
    }
    if (found.text === 'varies' || found.isVirtual) {
      throw new UsageError(
        found.isVirtual
          ? `${displayIdentifier(column)} of ${display(table)} is a virtual column, which triggers do not see.`
          : `${displayIdentifier(column)} of ${display(table)} has the type ${found.type}, whose text is not the same in every session.`,
        'Take a column of text, a whole number, numeric, uuid, boolean, date or an enum.',
      )
    }
  }
}

function textOf(table: CacheTable, column: string): CacheTable['columns'][number]['text'] | undefined {
  return table.columns.find(({ name }) => name === column)?.text
}
