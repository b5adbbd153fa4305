import type { Column } from '../../catalog/columns.ts'
import type { Database } from '../../postgres/database.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { sql } from '../../postgres/sql.ts'
import type { Standing } from './matrix.ts'
import type { Membership, Ties } from './ties.ts'

/** A person, and rows of a table as that person sees them; each row as text of the table's row type. */
export interface PickedRows {
  person: string | undefined
  rows: Partial<Record<Standing, string>>
}

/** Rows that are looked through, and people that are tried. */
const mostRows = 5_000
const mostPeople = 40

/**
 * Picks the person for whom most kinds of rows are there: one of their own, one of a team that they share, and one of neither.
 * It has to be asked as a role that sees every row.
 *
 * ```sql
 * SELECT person, (SELECT row::text FROM notes WHERE owner_id::text = person LIMIT 1) AS own, ... FROM people
 * ```
 */
export async function pickRows(
  db: Database,
  table: RelationName,
  columns: readonly Column[],
  ties: Ties,
): Promise<PickedRows> {
  const keys = columns.filter(({ isKey }) => isKey).map(({ quoted }) => quoted)
  const order = keys.length > 0 ? ` ORDER BY ${keys.join(', ')}` : ''
  const some = `(SELECT * FROM ${qualified(table)}${order} LIMIT ${mostRows})`
  const own = ties.people.get(display(table)) ?? []
  const memberships = (ties.memberships.get(display(table)) ?? []).filter(({ column }) =>
    columns.some(({ name }) => name === column),
  )
  if (own.length + memberships.length === 0) {
    const { rows } = await sql
      .raw<{ text: string }>(`SELECT picked::text AS text FROM ${some} picked LIMIT 1`)
      .execute(db)
    return { person: undefined, rows: rows[0] ? { any: rows[0].text } : {} }
  }
  const isOwn = anyOf(own.map((column) => `picked.${quote(column)}::text = people.person`))
  const isShared = anyOf(memberships.map(sharedBy))
  const sources = [
    ...own.map((column) => `SELECT ${quote(column)}::text AS person FROM ${some} own`),
    ...memberships.map(
      ({ members, personColumn }) =>
        `SELECT ${quote(personColumn)}::text AS person FROM (SELECT * FROM ${qualified(members)} LIMIT ${mostRows}) members`,
    ),
  ]
  const rowWhere = (condition: string): string =>
    `(SELECT picked::text FROM ${some} picked WHERE ${condition} LIMIT 1)`
  const { rows } = await sql
    .raw<Record<'person' | 'own' | 'colleague' | 'stranger', string | null>>(
      `
    WITH people AS (
      SELECT DISTINCT person FROM (${sources.join(' UNION ALL ')}) found WHERE person IS NOT NULL ORDER BY 1 LIMIT ${mostPeople})
    SELECT * FROM (
      SELECT person, ${rowWhere(`(${isOwn}) IS TRUE`)} AS own,
        ${rowWhere(`(${isOwn}) IS NOT TRUE AND (${isShared}) IS TRUE`)} AS colleague,
        ${rowWhere(`(${isOwn}) IS NOT TRUE AND (${isShared}) IS NOT TRUE`)} AS stranger
      FROM people) seen
    ORDER BY (own IS NOT NULL)::int + (colleague IS NOT NULL)::int + (stranger IS NOT NULL)::int DESC, person LIMIT 1`,
    )
    .execute(db)
  const [best] = rows
  const present = (['own', 'colleague', 'stranger'] as const).flatMap((standing) => {
    const text = best?.[standing]
    return typeof text === 'string' ? [[standing, text] as const] : []
  })
  return { person: best?.person ?? undefined, rows: Object.fromEntries(present) }
}

/** The kinds of rows that a table may have. */
export function standingsOf(table: RelationName, ties: Ties): Standing[] {
  const own = ties.people.has(display(table))
  const shared = ties.memberships.has(display(table))
  if (!own && !shared) return ['any']
  return [...(own ? ['own' as const] : []), ...(shared ? ['colleague' as const] : []), 'stranger']
}

function sharedBy({ column, members, memberColumn, personColumn }: Membership): string {
  return `picked.${quote(column)} IN (SELECT member.${quote(memberColumn)} FROM ${qualified(members)} member
    WHERE member.${quote(personColumn)}::text = people.person)`
}

const anyOf = (conditions: readonly string[]): string =>
  conditions.length > 0 ? conditions.join(' OR ') : 'false'
