import { sql } from '../../postgres/sql.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'
import type { Identity, Look } from './actingAs.ts'
import { actingAs, askPatiently, isNoAnswer } from './actingAs.ts'
import { identityOf } from './identities.ts'
import type { Subject } from './subject.ts'

/** A row to ask the predicates about. */
export interface Row {
  /** As text of the table's row type; columns that no predicate reads are NULL. */
  text: string
  /** The values of the columns that predicates read, as `to_jsonb` gives them. */
  values: Record<string, unknown>
  /** For people: its primary key, and for a row that was made up, from which row and how. */
  label: string
  isMadeUp: boolean
}

/** The columns that the predicates read; all of them where one reads the whole row. */
export interface NeededColumns {
  names: Set<string>
}

/**
 * Rows of the whole table, read as a role that sees all of them: from random blocks where the table is
 * large, else from its beginning.
 *
 * ```sql
 * SELECT ROW(id, NULL, owner_id)::public.bookings::text ... FROM public.bookings TABLESAMPLE SYSTEM (0.2) LIMIT 1000
 * ```
 */
export async function sampleRows(
  look: Look,
  reader: string,
  subject: Subject,
  needed: NeededColumns,
  count: number,
): Promise<Row[]> {
  const percent = (100 * 3 * count) / Math.max(1, subject.table.estimatedRows ?? 0)
  const blocks = percent < 50 ? ` TABLESAMPLE SYSTEM (${percent}) REPEATABLE (1)` : ''
  const rows = await read(look, reader, subject, needed, `${blocks} LIMIT ${count}`)
  if (blocks === '' || rows.length >= count / 2) return rows
  return distinct([...rows, ...(await read(look, reader, subject, needed, ` LIMIT ${count - rows.length}`))])
}

/** The most rows that one predicate and one identity add. */
const rowsNearIdentity = 4

/**
 * Rows that each predicate lets pass for each identity: among a million rows a random sample would hold none of
 * them. The predicates are asked over all rows, so what other tables hide from the identity is not hidden here:
 * good for finding rows, not for judging them. A predicate that fails or takes too long finds none.
 */
export async function rowsNear(
  look: Look,
  reader: string,
  subject: Subject,
  needed: NeededColumns,
  identities: Identity[],
  predicates: string[],
): Promise<Row[]> {
  const queries = predicates.map((predicate) => {
    const rows = selectRows(subject, needed, ` WHERE (${predicate}) LIMIT ${rowsNearIdentity}`)
    return `SELECT pg_catalog.json_agg(near)::pg_catalog.text FROM (${rows}) AS near`
  })
  const asked = identities.flatMap((identity) =>
    queries.map((query) => ({ identity: { ...identity, role: reader }, query })),
  )
  const replies = await askPatiently(look, asked, () => Math.max(50, look.clock.remainingMs() / 8))
  return replies.flatMap((reply) => {
    const text = reply && 'text' in reply ? reply.text : null
    return text === null ? [] : (JSON.parse(text) as ReadRow[]).map(asRow)
  })
}

/** A row as `selectRows` gives it. */
interface ReadRow {
  text: string
  values: Record<string, unknown>
  key: Record<string, unknown>
}

function asRow({ text, values, key }: ReadRow): Row {
  const label = JSON.stringify(Object.keys(key).length > 0 ? key : values)
  return { text, values, label, isMadeUp: false }
}

async function read(
  look: Look,
  reader: string,
  subject: Subject,
  needed: NeededColumns,
  tail: string,
): Promise<Row[]> {
  const { rows } = await actingAs(look, identityOf({ role: reader }), () =>
    sql.raw<ReadRow>(selectRows(subject, needed, tail)).execute(look.db),
  )
  return rows.map(asRow)
}

function selectRows(subject: Subject, needed: NeededColumns, tail: string): string {
  const isKey = (name: string) => subject.columns.some((column) => column.isKey && column.name === name)
  return `
    SELECT ${rowText(subject, needed)} AS text,
           ${valuesOf(subject, (name) => needed.names.has(name))} AS values,
           ${valuesOf(subject, isKey)} AS key
    FROM ${qualified(subject.table)} AS ${quote(subject.table.name)}${tail}`
}

/** `ROW("t"."id", NULL, ...)::"s"."t"::text`: what is not read stays on the server. */
function rowText({ table, columns }: Subject, { names }: NeededColumns): string {
  const parts = columns.map(({ name, isDomain, isKey }) =>
    names.has(name) || isDomain || isKey ? `${quote(table.name)}.${quote(name)}` : 'NULL',
  )
  return `(ROW(${parts.join(', ')})::${qualified(table)})::text`
}

function valuesOf({ table, columns }: Subject, isWanted: (name: string) => boolean): string {
  // jsonb_build_object takes 100 arguments at most.
  const objects = columns
    .filter(({ name }) => isWanted(name))
    .map(({ name }) => `jsonb_build_object(${literal(name)}, ${quote(table.name)}.${quote(name)})`)
  return objects.length > 0 ? objects.join(' || ') : `'{}'::jsonb`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'::text`
}

/** Each text once. */
export function distinct(rows: Row[]): Row[] {
  return [...new Map(rows.map((row) => [row.text, row])).values()]
}

/** A change of columns to make a row that the data may not have. */
export interface Patch {
  base: Row
  change: Record<string, unknown>
}

/**
 * The rows as changed. A change that a column's type does not take is left out.
 *
 * ```sql
 * SELECT jsonb_populate_record(row, patch)::text FROM unnest($1::public.bookings[], $2::jsonb[]) ...
 * ```
 */
export async function patchRows(
  look: Look,
  reader: string,
  subject: Subject,
  patches: Patch[],
): Promise<Row[]> {
  if (patches.length === 0) return []
  const type = sql.raw(qualified(subject.table))
  const texts = patches.map(({ base }) => base.text)
  const changes = patches.map(({ change }) => JSON.stringify(change))
  try {
    const { rows } = await actingAs(look, identityOf({ role: reader }), () =>
      sql<{ text: string }>`
        SELECT (jsonb_populate_record(p.base::${type}, p.change::jsonb))::text AS text
        FROM unnest(${texts}::text[], ${changes}::text[]) WITH ORDINALITY AS p(base, change, n)
        ORDER BY n`.execute(look.db),
    )
    return rows.map(({ text }, index) => patched(patches[index], text))
  } catch (error) {
    if (isNoAnswer(error)) throw error
    if (patches.length === 1 || look.clock.isOver()) return []
    const middle = patches.length >> 1
    return [
      ...(await patchRows(look, reader, subject, patches.slice(0, middle))),
      ...(await patchRows(look, reader, subject, patches.slice(middle))),
    ]
  }
}

function patched(patch: Patch | undefined, text: string): Row {
  const { base, change } = patch ?? { base: emptyRow, change: {} }
  return {
    text,
    values: { ...base.values, ...change },
    label: `made up from ${base.label} with ${JSON.stringify(change)}`,
    isMadeUp: true,
  }
}

/** A row without a value in any column, to begin with where the table has none. */
export function rowOfNulls({ columns }: Subject): Row {
  return { ...emptyRow, text: `(${','.repeat(Math.max(0, columns.length - 1))})` }
}

const emptyRow: Row = { text: '()', values: {}, label: 'a row of NULLs', isMadeUp: true }
