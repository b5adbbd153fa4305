import { createHash } from 'node:crypto'
import { escapeLiteral } from 'pg'
import { cacheChannel, cacheOutbox } from '../catalog/cacheOutbox.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { fitIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import type { TagTemplate } from './tagTemplate.ts'
import { columnsOf, everything } from './tagTemplate.ts'

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
 * announces them when the transaction commits.
 *
 * Types have their schema too: a temporary type of the writer's would come first, even with an empty `search_path`. Tags are
 * compared by their bytes, since a column's collation may take different texts for equal.
 */
export function announceBody(tags: readonly TagTemplate[]): string {
  const outbox = qualified(cacheOutbox)
  const all = literal(everything)
  const ofRows = (tables: readonly string[]) => tagsOf(tags, tables)
  const look = (tables: readonly string[]) => `
    SELECT pg_catalog.array_agg(DISTINCT tag COLLATE pg_catalog."C") FILTER (WHERE tag IS NOT NULL), pg_catalog.count(*)
    INTO changed, seen FROM (${ofRows(tables)} LIMIT ${firstLook}) made;`
  const lookAtAll = (tables: readonly string[]) => `
      changed := ARRAY(SELECT DISTINCT tag COLLATE pg_catalog."C" FROM (${ofRows(tables)}) made
        WHERE tag IS NOT NULL LIMIT ${mostTags + 1});`
  return `
DECLARE
  changed pg_catalog.text[];
  seen bigint;
  entry bigint;
  payload pg_catalog.text;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    changed := ARRAY[${all}];
  ELSIF TG_OP = 'UPDATE' THEN${look([rowsBefore, rowsAfter])}
  ELSE${look([rowsAfter])}
  END IF;
  -- Many rows with few tags: all of them have to be read.
  IF seen = ${firstLook} AND coalesce(pg_catalog.cardinality(changed), 0) <= ${mostTags} THEN
    IF TG_OP = 'UPDATE' THEN${lookAtAll([rowsBefore, rowsAfter])}
    ELSE${lookAtAll([rowsAfter])}
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
  PERFORM pg_catalog.pg_notify('${cacheChannel}', payload);
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

/** SQL: the tags of the rows of these transition tables, one a row; NULL where a column of a tag is NULL. */
function tagsOf(tags: readonly TagTemplate[], tables: readonly string[]): string {
  const columns = columnsOf(tags).map(quote)
  const rows = tables.map((table) => `SELECT ${columns.join(', ') || '1'} FROM ${table}`)
  const made = tags.map(({ parts }) => `(${parts.map(partOf).join(' || ')})`)
  return `SELECT tag FROM (${rows.join(' UNION ALL ')}) changed_row, LATERAL (VALUES ${made.join(', ')}) template (tag)`
}

function partOf(part: TagTemplate['parts'][number]): string {
  return 'column' in part ? `changed_row.${quote(part.column)}::pg_catalog.text` : literal(part.text)
}

function literal(text: string): string {
  return `${escapeLiteral(text).trim()}::pg_catalog.text`
}
