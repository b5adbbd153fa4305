import type { ClientBase } from 'pg'
import { UsageError } from '../../errors.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import type { BatchWalk } from '../batched.ts'
import { walksPages } from '../batched.ts'

/** A column of the key, and its type as a cast names it. */
export interface KeyColumn {
  name: string
  type: string
}

/**
 * The columns of the key in the order of an index on them, so that the index can be walked.
 *
 * @throws UsageError where no unique index has exactly these columns, or one of them may be null; for `ctid`, where the
 * table has no pages of its own
 */
export async function findWalkedKey(client: ClientBase, walk: BatchWalk): Promise<KeyColumn[]> {
  const { table, key } = walk
  if (walksPages(walk)) {
    await expectPages(client, walk)
    return [{ name: 'ctid', type: 'tid' }]
  }
  const { rows } = await client.query<{ columns: (KeyColumn & { isNeverNull: boolean })[] }>(
    `SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
         'name', attribute.attname,
         'type', pg_catalog.format_type(attribute.atttypid, attribute.atttypmod),
         'isNeverNull', attribute.attnotnull AND NOT EXISTS (
           -- Since 18 a column may be NOT NULL for new rows only.
           SELECT FROM pg_catalog.pg_constraint unproven
           WHERE unproven.conrelid = index.indrelid AND unproven.contype = 'n' AND NOT unproven.convalidated
             AND unproven.conkey = ARRAY[attribute.attnum]))
       ORDER BY part.position) AS columns
     FROM pg_catalog.pg_index index
     JOIN pg_catalog.pg_class class ON class.oid = index.indrelid
     JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     CROSS JOIN pg_catalog.unnest(index.indkey::int2[]) WITH ORDINALITY AS part(attnum, position)
     LEFT JOIN pg_catalog.pg_attribute attribute
       ON attribute.attrelid = index.indrelid AND attribute.attnum = part.attnum
     WHERE namespace.nspname = $1 AND class.relname = $2
       AND index.indisunique AND index.indisvalid AND index.indpred IS NULL AND part.position <= index.indnkeyatts
     GROUP BY index.indexrelid, index.indisprimary, index.indoption
     -- An index with one descending column among others cannot be walked in the order of its key.
     ORDER BY (SELECT pg_catalog.count(DISTINCT option & 1)
               FROM pg_catalog.unnest(index.indoption::int2[]) AS option), index.indisprimary DESC, index.indexrelid`,
    [table.schema, table.name],
  )
  const wanted = [...key].sort().join('\n')
  const found = rows.find(
    ({ columns }) =>
      columns
        .map(({ name }) => name)
        .sort()
        .join('\n') === wanted,
  )
  const nullable = found?.columns.filter(({ isNeverNull }) => !isNeverNull) ?? []
  if (found && nullable.length === 0) return found.columns.map(({ name, type }) => ({ name, type }))
  const names = `(${key.map(displayIdentifier).join(', ')})`
  throw new UsageError(
    found
      ? `${display(table)} cannot be walked in batches over ${names}: ${nullable.map(({ name }) => displayIdentifier(name)).join(', ')} may be null.`
      : `${display(table)} cannot be walked in batches over ${names}: it has no unique index on exactly these columns.`,
    'Give batched() the columns of the primary key or of another unique index, all of them NOT NULL.',
  )
}

/** Rows of partitions and of children have places in other tables. */
async function expectPages(client: ClientBase, { table }: BatchWalk): Promise<void> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     WHERE namespace.nspname = $1 AND class.relname = $2 AND class.relkind = 'r'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = class.oid)`,
    [table.schema, table.name],
  )
  if (rowCount === 1) return
  throw new UsageError(
    `${display(table)} cannot be walked in batches page by page: it is no table, or has partitions or children.`,
    'Give batched() the columns of its primary key or of another unique index, all of them NOT NULL.',
  )
}
