import { escapeLiteral } from 'pg'
import type { RelationName } from '../../postgres/identifiers.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'
import type { Identity, Look } from './actingAs.ts'
import { askAll } from './actingAs.ts'

/** Whether the row passes; the SQLSTATE where asking failed; undefined where it was not asked. */
export type Outcome = boolean | string | undefined

/** Queries that each who asks may spend on finding out which predicate fails for which row. */
const mostSplits = 40

/** How many of these are asked in one request. */
const mostTogether = 32

/** Predicates, and who asks them. */
export interface Asking {
  identity: Identity
  predicates: string[]
}

/** Some predicates and some rows, by their places, and the place of who asks. */
interface Part {
  asking: number
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
 * @throws what `askAll` throws
 */
export async function evaluate(
  look: Look,
  table: RelationName,
  identity: Identity,
  rows: string[],
  predicates: string[],
): Promise<Outcome[][]> {
  const [outcomes = []] = await evaluateForAll(look, table, [{ identity, predicates }], rows)
  return outcomes
}

/** As `evaluate`, for several who ask about the same rows: `result[asking][predicate][row]`. */
export async function evaluateForAll(
  look: Look,
  table: RelationName,
  askings: Asking[],
  rows: string[],
): Promise<Outcome[][][]> {
  const outcomes = askings.map(({ predicates }) => predicates.map((): Outcome[] => rows.map(() => undefined)))
  // With many wrong predicates each of them has a right to be found.
  const left = askings.map(({ predicates }) => mostSplits + predicates.length * 4)
  let parts = askings.flatMap(({ predicates }, asking): Part[] => {
    const whole = { asking, predicates: [...predicates.keys()], rows: [...rows.keys()] }
    return predicates.length > 0 && rows.length > 0 ? [whole] : []
  })
  while (parts.length > 0) {
    const asked = parts.slice(0, mostTogether).flatMap((part) => {
      const asking = askings[part.asking]
      if (!asking) return []
      const query = queryOf(
        table,
        part.rows.map((at) => rows[at] ?? ''),
        part.predicates.map((at) => asking.predicates[at] ?? ''),
      )
      return [{ part, identity: asking.identity, query }]
    })
    const answers = await askAll(look, asked)
    const halves: Part[] = []
    for (const [at, { part }] of asked.entries()) {
      const [answer, own] = [answers[at], outcomes[part.asking]]
      if (!answer || !own) continue
      if ('code' in answer) {
        left[part.asking] = (left[part.asking] ?? 0) - 1
        const smaller = halve(part, answer.code)
        if (smaller.length === 0) record(own, part, () => answer.code)
        halves.push(...smaller)
      } else {
        const passes = JSON.parse(answer.text ?? '[]') as boolean[][]
        record(own, part, (predicate, row) => passes[row]?.[predicate])
      }
    }
    parts = [...halves, ...parts.slice(mostTogether)].filter(({ asking }) => (left[asking] ?? 0) > 0)
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
function halve({ asking, predicates, rows }: Part, code: string): Part[] {
  if (predicates.length > 1) return halvesOf(predicates).map((half) => ({ asking, predicates: half, rows }))
  // Class 42 is found before the first row is read, so every row fails alike.
  if (rows.length === 1 || code.startsWith('42')) return []
  return halvesOf(rows).map((half) => ({ asking, predicates, rows: half }))
}

function halvesOf<T>(list: T[]): [T[], T[]] {
  const middle = list.length >> 1
  return [list.slice(0, middle), list.slice(middle)]
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
