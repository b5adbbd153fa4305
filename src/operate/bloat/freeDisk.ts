import type { ClientBase } from 'pg'
import { borrow } from '../../postgres/database.ts'
import { freeDiskBytes } from '../freeDiskBytes.ts'
import type { BloatedTable } from './findBloat.ts'
import type { RemedyKind } from './remedy.ts'
import { remedyOf } from './remedy.ts'

/** A table whose copy would not find room. */
export interface Shortage {
  table: BloatedTable
  needsBytes: number
  freeBytes: number
}

/** The copy is an estimate. */
const reserve = 1.1

/**
 * The first table that cannot be written anew for lack of disk; undefined where all can, or where nobody knows.
 *
 * @param knownFree what the server has free, where somebody knows; else it is looked at, where that is possible
 */
export async function findShortage(
  { client, url }: { client: ClientBase; url: string },
  tables: readonly BloatedTable[],
  kind: RemedyKind,
  knownFree: number | undefined,
): Promise<Shortage | undefined> {
  for (const table of tables) {
    const { needsBytes } = remedyOf(kind, table.space)
    if (needsBytes === 0) continue
    const freeBytes =
      knownFree ?? (await freeDiskBytes(borrow(client), url, table.oid).catch(() => undefined))
    if (freeBytes !== undefined && freeBytes < needsBytes * reserve) return { table, needsBytes, freeBytes }
  }
  return undefined
}
