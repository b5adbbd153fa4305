import { createHash } from 'node:crypto'
import { escapeLiteral } from 'pg'
import { cacheChannel, everyTag } from '../catalog/cacheChannel.ts'
import { cacheOutbox } from '../catalog/cacheOutbox.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { fitIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import type { TagTemplate } from './tagTemplate.ts'
import { columnsOf } from './tagTemplate.ts'

/** A statement that changes more tags than this has the tag `*`. */
export const mostTags = 1_000
/** A payload of NOTIFY has less than 8,000 bytes. */
export const mostPayloadBytes = 7_900
/** So many tags are looked at before it is known whether a statement has more than `mostTags` of them. */
const firstLook = 4 * mostTags
/** About one statement in so many removes rows that nobody has taken for a day. */
const cleansEvery = 100
const removedAtOnce = 1_000
const keptFor = '1 day'

/** The transition tables of its triggers. */
export const rowsBefore = 'rows_before'
export const rowsAfter = 'rows_after'

/** `announce_bookings_1f3a9c02`: the same for a table in every run, and another one for every table. */
export function announceFunctionName(table: RelationName): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([table.schema, table.name]))
    .digest('hex')
  return fitIdentifier(`announce_${table.name}`, `_${hash.slice(0, 8)}`)
}

/**
 * The body of the function that a table's triggers call: it writes the tags of the statement's rows to the outbox, and
 * announces them when the transaction commits. A statement on one row, which is the commonest, takes a way without a sort.
 *
 * Types have their schema too: a temporary type of the writer's would come first, even with an empty `search_path`. Tags are
 * compared by their bytes, since a column's collation may take different texts for equal.
 */
export function announceBody(tags: readonly TagTemplate[]): string {
  const outbox = qualified(cacheOutbox)
  const all = literal(everyTag)
  return `
DECLARE
  changed pg_catalog.text[];
  seen bigint;
  entry bigint;
  payload pg_catalog.text;
  nothing pg_catalog.text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    ${tagsOfOneRow(tags, [rowsBefore, rowsAfter])}
    IF changed IS NULL THEN${tagsOfMany(tags, [rowsBefore, rowsAfter])}
    END IF;
  ELSIF TG_OP = 'TRUNCATE' THEN
    changed := ARRAY[${all}];
  ELSE
    ${tagsOfOneRow(tags, [rowsAfter])}
    IF changed IS NULL THEN${tagsOfMany(tags, [rowsAfter])}
    END IF;
  END IF;
  IF changed IS NULL OR changed = '{}' THEN
    RETURN NULL;
  END IF;
  IF pg_catalog.cardinality(changed) > ${mostTags} THEN
    changed := ARRAY[${all}];
  END IF;
  INSERT INTO ${outbox} (tags) VALUES (changed) RETURNING id INTO entry;
  payload := pg_catalog.to_json(changed);
  IF pg_catalog.octet_length(payload) > ${mostPayloadBytes} THEN
    payload := 'more';
  END IF;
  -- An assignment is evaluated without a query of its own, which PERFORM would be.
  nothing := pg_catalog.pg_notify('${cacheChannel}', payload);
  -- Where nobody follows the outbox it keeps a day. Whoever comes later finds the tag of everything instead.
  IF entry % ${cleansEvery} = 0 THEN
    WITH removed AS (
      DELETE FROM ${outbox} WHERE id IN (
        SELECT id FROM ${outbox}
        WHERE id = ANY (ARRAY(SELECT id FROM ${outbox} ORDER BY id LIMIT ${removedAtOnce}))
          AND at < pg_catalog.clock_timestamp() - interval '${keptFor}'
        FOR UPDATE SKIP LOCKED)
      RETURNING id
    )
    INSERT INTO ${outbox} (tags) SELECT ARRAY[${all}] WHERE EXISTS (SELECT FROM removed);
  END IF;
  RETURN NULL;
END
`
}

/** The tags of one row, before and after; NULL where the statement changed more rows, or none. */
function tagsOfOneRow(tags: readonly TagTemplate[], tables: readonly [string, ...string[]]): string {
  const rows = tables.map((table, at) => ({ table, row: `row${at}` }))
  const [, after] = rows
  const texts = tags.flatMap((tag) => {
    const first = textOf(tag, 'row0')
    // By their bytes: a column's collation may take different texts for equal.
    const changes = after && tag.parts.length > 1
    return changes ? [first, `nullif(${textOf(tag, after.row)}, (${first}) COLLATE pg_catalog."C")`] : [first]
  })
  return `SELECT pg_catalog.array_remove(ARRAY[${texts.join(', ')}], NULL) INTO changed
    FROM ${rows.map(({ table, row }) => `${table} ${row}`).join(', ')} WHERE NOT EXISTS (SELECT FROM ${tables[0]} OFFSET 1);`
}

/** The different tags of many rows: whether there are too many shows early in most cases, so not all rows are read at first. */
function tagsOfMany(tags: readonly TagTemplate[], tables: readonly string[]): string {
  const texts = tags.map((tag) => `(${textOf(tag, 'changed_row')})`)
  const made = `SELECT tag FROM (${rowsOf(tags, tables)}) changed_row, LATERAL (VALUES ${texts.join(', ')}) template (tag)`
  return `
      SELECT pg_catalog.count(*), pg_catalog.array_agg(DISTINCT tag COLLATE pg_catalog."C") FILTER (WHERE tag IS NOT NULL)
      INTO seen, changed FROM (${made} LIMIT ${firstLook}) made;
      IF seen = ${firstLook} AND coalesce(pg_catalog.cardinality(changed), 0) <= ${mostTags} THEN
        changed := ARRAY(SELECT DISTINCT tag COLLATE pg_catalog."C" FROM (${made}) made
          WHERE tag IS NOT NULL LIMIT ${mostTags + 1});
      END IF;`
}

/** SQL: the rows of the transition tables, with the columns of the tags. */
function rowsOf(tags: readonly TagTemplate[], tables: readonly string[]): string {
  const columns = columnsOf(tags).map(quote).join(', ') || '1'
  return tables.map((table) => `SELECT ${columns} FROM ${table}`).join(' UNION ALL ')
}

/** SQL: a tag of a row; NULL where a column of it is NULL. */
function textOf({ parts }: TagTemplate, row: string): string {
  return parts
    .map((part) => ('column' in part ? `${row}.${quote(part.column)}::pg_catalog.text` : literal(part.text)))
    .join(' || ')
}

function literal(text: string): string {
  return `${escapeLiteral(text).trim()}::pg_catalog.text`
}
