import { escapeLiteral } from 'pg'
import { storageParametersAre, storageParametersAreUnset } from '../conditions/storageParameters.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified } from '../postgres/identifiers.ts'
import type { ConditionCall, Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

export interface StorageParametersToSet extends Reason {
  table: RelationName
  /** What is set now, by name; `down` restores it exactly. */
  current: Readonly<Record<string, string>>
  /** The new values; null takes a parameter away, so that the server's default applies. */
  wanted: Readonly<Record<string, string | null>>
}

/**
 * Sets storage parameters of a table, blocking neither reads nor writes.
 *
 * ```sql
 * ALTER TABLE "public"."bookings" SET (autovacuum_vacuum_scale_factor = '0.01', fillfactor = '90')
 * -- down, where fillfactor was 100 and the other was not set
 * ALTER TABLE "public"."bookings" SET (fillfactor = '100')
 * ALTER TABLE "public"."bookings" RESET (autovacuum_vacuum_scale_factor)
 * ```
 */
export function setStorageParameters({
  table,
  current,
  wanted,
  ...reason
}: StorageParametersToSet): Operation {
  const names = Object.keys(wanted)
  const before = Object.fromEntries(names.map((name) => [name, current[name] ?? null]))
  return {
    ...work('setStorageParameters', table, before, wanted),
    on: [table.schema, table.name],
    title: operationTitle('set', table.name, 'storage-parameters'),
    ...reason,
    up: changeTo(table, wanted),
    down: changeTo(table, before),
    before: conditionsOn(table, before),
    after: conditionsOn(table, wanted),
  }
}

function changeTo(table: RelationName, values: Readonly<Record<string, string | null>>): string[] {
  const { set, unset } = split(values)
  const assignments = Object.entries(set).map(([name, value]) => `${name} = ${escapeLiteral(value).trim()}`)
  return [
    ...(assignments.length > 0 ? [`ALTER TABLE ${qualified(table)} SET (${assignments.join(', ')})`] : []),
    ...(unset.length > 0 ? [`ALTER TABLE ${qualified(table)} RESET (${unset.join(', ')})`] : []),
  ]
}

function conditionsOn(table: RelationName, values: Readonly<Record<string, string | null>>): ConditionCall[] {
  const { set, unset } = split(values)
  return [
    ...(Object.keys(set).length > 0 ? [condition(storageParametersAre, table, set)] : []),
    ...(unset.length > 0 ? [condition(storageParametersAreUnset, table, unset)] : []),
  ]
}

function split(values: Readonly<Record<string, string | null>>): {
  set: Record<string, string>
  unset: string[]
} {
  const set: Record<string, string> = {}
  const unset: string[] = []
  for (const [name, value] of Object.entries(values)) {
    if (value === null) unset.push(name)
    else set[name] = value
  }
  return { set, unset }
}
