import type { CacheTable } from '../../../catalog/cacheTables.ts'
import type { ReadRights } from '../../../catalog/readRights.ts'
import type { Policy } from '../../../catalog/policies.ts'
import type { CatalogTable } from '../../../policies/read/tableCatalog.ts'
import { display } from '../../../postgres/identifiers.ts'
import type { Refusal } from './refusal.ts'
import { certain, unclear } from './refusal.ts'

/** What is known of tables and of who reads them. */
export interface Readers {
  /** By the table's oid. */
  policies: Map<number, Policy[]>
  /** Roles that row-level security applies to and that reach the table, by its oid. */
  grantees: Map<number, string[]>
  /** Oids of relations with SELECT granted on single columns. */
  partlyReadable: Set<number>
  cacheTables: Map<number, CacheTable>
  /** Whether the schema is one whose objects the team may change. */
  wanted: (schema: string) => boolean
}

/**
 * Why readers of the table may get different rows or columns, or why nothing announces its changes. What its policies say is
 * judged by following them.
 *
 * @param sender the role that reads; undefined where a view or function reads with rights of its own
 */
export function whyNotShared(
  table: CatalogTable,
  sender: ReadRights | undefined,
  readers: Readers,
): Refusal | undefined {
  const shown = display(table)
  if (table.kind === 'm')
    return certain(`the materialized view ${shown} changes when it is refreshed, which nothing announces`)
  if (table.kind === 'f')
    return certain(`the foreign table ${shown} changes elsewhere, which nothing announces`)
  if (!readers.wanted(table.schema)) return certain(`${shown} is not one of your own tables`)
  if (readers.partlyReadable.has(table.oid))
    return certain(`some columns of ${shown} are granted to some roles only`)
  const announcing = readers.cacheTables.get(table.oid)
  if (!announcing) return unclear(`${shown} cannot be read in the catalog`)
  if (announcing.isTemporary) return certain(`${shown} is temporary`)
  if (announcing.parent)
    return certain(
      `${shown} belongs to ${display(announcing.parent)}, and a statement there fires no trigger here`,
    )
  const foreign = announcing.descendants.find(({ kind }) => kind === 'foreign table')
  if (foreign) return certain(`${display(foreign)} below ${shown} is a foreign table`)
  return table.rowSecurity ? whyPoliciesDiffer(table, sender, readers) : undefined
}

function whyPoliciesDiffer(
  table: CatalogTable,
  sender: ReadRights | undefined,
  { policies, grantees }: Readers,
): Refusal | undefined {
  const shown = display(table)
  if (sender === undefined)
    return certain(`a view or function reads ${shown}, which has row-level security, with rights of its own`)
  if (!sender.restricted.has(table.oid))
    return certain(
      `row-level security of ${shown} does not apply to ${sender.name}, so that others see other rows`,
    )
  const reaching = [...(grantees.get(table.oid) ?? []), sender.name]
  const reading = (policies.get(table.oid) ?? []).filter(({ command }) => ['ALL', 'SELECT'].includes(command))
  if (reading.length === 0) return certain(`row-level security of ${shown} shows no row`)
  const unlike = reading.find(
    ({ roles }) => roles.length > 0 && !reaching.every((role) => roles.includes(role)),
  )
  if (unlike)
    return certain(
      `the policy "${unlike.name}" of ${shown} is not for every role that reads it, so that others see other rows`,
    )
  return undefined
}
