import type { Client } from 'pg'
import type { RelationName } from '../../src/db/identifiers.ts'
import { display } from '../../src/db/identifiers.ts'
import type { EffectOptions, Identity } from './effects.ts'
import { effectsOn, rowsToOffer } from './effects.ts'

/** What each identity can do with each table, by command: `public.notes, stranger, select` -> what came of it. */
export type EffectCells = Map<string, string>

/** One cell before and after. */
export interface DifferentCell {
  cell: string
  before: string
  after: string
}

/**
 * What all identities can do with every table that has row-level security; nothing but policies speaks, since
 * triggers and foreign keys are off.
 *
 * @param offered rows to offer to INSERT by table, for tables that are empty; see `rowsOfAll`
 */
export async function effectsOnAll(
  superuser: Client,
  identities: Record<string, Identity>,
  offered: ReadonlyMap<string, string[]> = new Map(),
): Promise<EffectCells> {
  const cells: EffectCells = new Map()
  for (const table of await listGuardedTables(superuser)) {
    const rows = offered.get(display(table))
    const options: EffectOptions = { withoutTriggers: true, ...(rows ? { offered: rows } : {}) }
    for (const [label, identity] of Object.entries(identities)) {
      const effects = await effectsOn(superuser, table, identity, options)
      for (const [command, effect] of Object.entries(effects)) {
        cells.set(`${display(table)}, ${label}, ${command}`, effect)
      }
    }
  }
  return cells
}

/** Rows of every table with row-level security, to be offered to the same tables in an empty database. */
export async function rowsOfAll(superuser: Client): Promise<Map<string, string[]>> {
  const rows = new Map<string, string[]>()
  for (const table of await listGuardedTables(superuser)) {
    rows.set(display(table), await rowsToOffer(superuser, table))
  }
  return rows
}

/** The cells that are not the same. What ran out of time on one side says nothing. */
export function differentCells(before: EffectCells, after: EffectCells): DifferentCell[] {
  return [...before].flatMap(([cell, was]) => {
    const is = after.get(cell) ?? 'no such table any more'
    const inTime = !was.startsWith('57014') && !is.startsWith('57014')
    return was !== is && inTime ? [{ cell, before: was, after: is }] : []
  })
}

async function listGuardedTables(client: Client): Promise<RelationName[]> {
  const { rows } = await client.query<RelationName>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND (c.relrowsecurity OR EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))
       AND n.nspname NOT IN ('hundredfold', 'pg_catalog')
     ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
  )
  return rows
}
