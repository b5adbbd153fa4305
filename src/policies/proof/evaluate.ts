import { escapeLiteral } from 'pg'
import type { RelationName } from '../../postgres/identifiers.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'
import type { Identity, Look } from './actingAs.ts'
import { askEach } from './actingAs.ts'

/** Whether the row passes; the SQLSTATE where asking failed; undefined where it was not asked. */
export type Outcome = boolean | string | undefined

/** Queries that one call of `evaluate` may spend on finding out which predicate fails for which row. */
const mostSplits = 40

/** How many of these are asked in one request. */
const mostTogether = 8

/** Some predicates and some rows, by their places. */
interface Part {
  predicates: number[]
  rows: number[]
}

/**
 * What each predicate says of each row, asked as the identity: `result[predicate][row]`. The rows come as
 * text of the table's row type, so that nobody's policy hides one of them, while sub-selects in a predicate
 * see of other tables exactly what the identity may see.
 *
 * ```sql
 * SELECT ARRAY[coalesce((<predicate>), false), ...] FROM unnest('{...}'::public.bookings[]) AS bookings
 * ```
 *
 * Where the query fails, predicates and then rows are halved until the failing ones stand alone; where too
 * many fail, some stay unasked.
 *
 * @throws what `askEach` throws
 */
export async function evaluate(
  look: Look,
  table: RelationName,
  identity: Identity,
  rows: string[],
  predicates: string[],
): Promise<Outcome[][]> {
  const outcomes = predicates.map((): Outcome[] => rows.map(() => undefined))
  // With many wrong predicates each of them has a right to be found.
  let left = mostSplits + predicates.length * 4
  const whole = { predicates: [...predicates.keys()], rows: [...rows.keys()] }
  let parts: Part[] = predicates.length > 0 && rows.length > 0 ? [whole] : []
  while (parts.length > 0 && left > 0) {
    const asked = parts.slice(0, Math.min(mostTogether, left))
    const queries = asked.map((part) =>
      queryOf(
        table,
        part.rows.map((at) => rows[at] ?? ''),
        part.predicates.map((at) => predicates[at] ?? ''),
      ),
    )
    const answers = await askEach(look, identity, queries)
    const halves: Part[] = []
    for (const [at, part] of asked.entries()) {
      const answer = answers[at]
      if (!answer) continue
      if ('code' in answer) {
        left -= 1
        const smaller = halve(part, answer.code)
        if (smaller.length === 0) record(outcomes, part, () => answer.code)
        halves.push(...smaller)
      } else {
        const passes = JSON.parse(answer.text ?? '[]') as boolean[][]
        record(outcomes, part, (predicate, row) => passes[row]?.[predicate])
      }
    }
    parts = [...halves, ...parts.slice(asked.length)]
  }
  return outcomes
}

function record(
  outcomes: Outcome[][],
  { predicates, rows }: Part,
  answer: (predicate: number, row: number) => Outcome,
): void {
  for (const [column, predicate] of predicates.entries()) {
    for (const [line, row] of rows.entries()) {
      const ofPredicate = outcomes[predicate]
      if (ofPredicate) ofPredicate[row] = answer(column, line)
    }
  }
}

/** The halves of a part that failed with this SQLSTATE; none where all of it fails alike. */
function halve({ predicates, rows }: Part, code: string): Part[] {
  if (predicates.length > 1) {
    const middle = predicates.length >> 1
    return [predicates.slice(0, middle), predicates.slice(middle)].map((half) => ({ predicates: half, rows }))
  }
  // Class 42 is found before the first row is read, so every row fails alike.
  if (rows.length === 1 || code.startsWith('42')) return []
  const middle = rows.length >> 1
  return [rows.slice(0, middle), rows.slice(middle)].map((half) => ({ predicates, rows: half }))
}

/** The rows stay a query of their own, planned as if it stood alone. */
function queryOf(table: RelationName, rows: string[], predicates: string[]): string {
  const columns = predicates.map((predicate) => `coalesce((${predicate}), false)`).join(', ')
  const elements = rows.map((row) => `"${row.replaceAll(/["\\]/g, '\\$&')}"`).join(',')
  const from = `${escapeLiteral(`{${elements}}`).trim()}::${qualified(table)}[]`
  return `
    SELECT pg_catalog.array_to_json(pg_catalog.array_agg(asked.passes))::pg_catalog.text
    FROM (SELECT ARRAY[${columns}] AS passes FROM pg_catalog.unnest(${from}) AS ${quote(table.name)} OFFSET 0) AS asked`
}
