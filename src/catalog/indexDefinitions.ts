import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { TableIndex } from './indexes.ts'

/** An index with the statement that makes it. */
export interface DefinedIndex extends TableIndex {
  /** As `pg_get_indexdef` prints it with an empty `search_path`. */
  definition: string
}

/**
 * These indexes with their definitions, by oid; an index that was dropped meanwhile is left out. Printing a definition
 * takes longer than reading everything else about an index, so ask only for indexes that are reported, all at once.
 */
export async function defineIndexes(
  db: Database,
  indexes: readonly TableIndex[],
): Promise<Map<number, DefinedIndex>> {
  if (indexes.length === 0) return new Map()
  const oids = [...new Set(indexes.map(({ oid }) => oid))]
  const { rows } = await sql<{ oid: number; definition: string | null }>`
    SELECT oid, pg_catalog.pg_get_indexdef(oid) AS definition
    FROM pg_catalog.unnest(${oids}::oid[]) AS wanted (oid)`.execute(db)
  const definitions = new Map(rows.map(({ oid, definition }) => [oid, definition]))
  return new Map(
    indexes.flatMap((index) => {
      const definition = definitions.get(index.oid)
      return typeof definition === 'string' ? [[index.oid, { ...index, definition }] as const] : []
    }),
  )
}

/**
 * What follows the table's name in a definition.
 *
 * `CREATE INDEX a_idx ON public.a USING btree (b) WHERE (c > 0)` -> `USING btree (b) WHERE (c > 0)`
 */
export function definedOn({ definition }: DefinedIndex): string {
  const identifier = '(?:"(?:[^"]|"")+"|[^\\s".]+)'
  const upToTable = new RegExp(
    `^CREATE (?:UNIQUE )?INDEX ${identifier} ON (?:ONLY )?(?:${identifier}\\.)?${identifier} `,
  )
  return definition.replace(upToTable, '')
}
