import { sql } from 'kysely'
import type { Database } from '../../postgres/database.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import type { Under } from '../../postgres/savepoint.ts'
import { underSavepoint } from '../../postgres/savepoint.ts'
import { errorCode, isConnectionLost, isLockOrCancel } from '../../postgres/sqlState.ts'
import type { Clock } from './clock.ts'

/** Who asks: a role, and the settings from which functions such as `auth.uid()` read who it is. */
export interface Identity {
  role: string
  settings: Record<string, string>
  /** For people: `authenticated {"sub":"..."}`. */
  label: string
}

/** Whether the row passes; the SQLSTATE where asking failed; undefined where it was not asked. */
export type Outcome = boolean | string | undefined

/** What every look at the database shares. */
export interface Look {
  db: Database
  clock: Clock
  /** Where functions without a `search_path` of their own find their tables. */
  searchPath: string
  /** The savepoint that looks share; each has one of its own by default. */
  under?: Under
}

/** The time given to a statement is over: unlike a cancellation by somebody else, an answer to reckon with. */
class TimeIsOver extends Error {}

export function isTimeout(error: unknown): boolean {
  return error instanceof TimeIsOver
}

/** Errors that say nothing about the question and end the whole check. */
export function isNoAnswer(error: unknown): boolean {
  return isConnectionLost(error) || isLockOrCancel(error)
}

/**
 * Runs `look` as the identity, and takes every setting back afterwards, also when it fails.
 *
 * ```sql
 * SAVEPOINT hundredfold_look;
 * SET LOCAL ROLE ...; SET LOCAL request.jwt.claims = ...; SET LOCAL search_path = ...;
 * SET LOCAL statement_timeout = ...; -- what is left of the budget
 * ```
 */
export async function actingAs<T>(
  { db, clock, searchPath, under = (each) => underSavepoint(db, each) }: Look,
  identity: Identity,
  look: () => Promise<T>,
  timeoutMs = clock.remainingMs(),
): Promise<T> {
  const settings: Record<string, string> = {
    ...identity.settings,
    search_path: searchPath,
    jit: 'off',
    statement_timeout: `${Math.max(leastMs, Math.floor(timeoutMs))}`,
    role: identity.role,
  }
  const started = performance.now()
  try {
    return await under(async () => {
      await sql`SELECT pg_catalog.set_config(name, value, true)
        FROM unnest(${Object.keys(settings)}::text[], ${Object.values(settings)}::text[]) AS s(name, value)`.execute(
        db,
      )
      return await look()
    })
  } catch (error) {
    const isOurs =
      errorCode(error) === '57014' && performance.now() - started > 0.9 * Math.max(leastMs, timeoutMs)
    throw isOurs ? new TimeIsOver() : error
  }
}

/** Shorter limits end statements that take no time at all, on a busy machine. */
const leastMs = 50

/** Queries that one call of `evaluate` may spend on finding out which predicate fails for which row. */
const mostSplits = 40

/**
 * What each predicate says of each row, asked as the identity: `result[predicate][row]`. The rows come as
 * text of the table's row type, so that nobody's policy hides one of them, while sub-selects in a predicate
 * see of other tables exactly what the identity may see.
 *
 * ```sql
 * SELECT ARRAY[coalesce((<predicate>), false), ...] FROM unnest($1::public.bookings[]) AS bookings
 * ```
 *
 * Where the query fails, predicates and then rows are halved until the failing ones stand alone; where too
 * many fail, some stay unasked.
 *
 * @throws TimeIsOver, and what `isNoAnswer` is true of
 */
export async function evaluate(
  look: Look,
  table: RelationName,
  identity: Identity,
  rows: string[],
  predicates: string[],
): Promise<Outcome[][]> {
  let left = mostSplits
  const ask = async (asked: string[], of: string[]): Promise<Outcome[][]> => {
    if (of.length === 0 || asked.length === 0) return asked.map(() => [])
    if (left <= 0) return asked.map(() => of.map(() => undefined))
    try {
      return await askTogether(look, table, identity, of, asked)
    } catch (error) {
      const code = errorCode(error)
      if (isNoAnswer(error) || code === undefined) throw error
      left -= 1
      if (asked.length > 1) {
        const middle = asked.length >> 1
        return [...(await ask(asked.slice(0, middle), of)), ...(await ask(asked.slice(middle), of))]
      }
      // Class 42 is found before the first row is read, so every row fails alike.
      if (of.length === 1 || code.startsWith('42')) return [of.map(() => code)]
      const middle = of.length >> 1
      const [first = []] = await ask(asked, of.slice(0, middle))
      const [second = []] = await ask(asked, of.slice(middle))
      return [[...first, ...second]]
    }
  }
  // With many wrong predicates each of them has a right to be found.
  left += predicates.length * 4
  return ask(predicates, rows)
}

async function askTogether(
  look: Look,
  table: RelationName,
  identity: Identity,
  rows: string[],
  predicates: string[],
): Promise<Outcome[][]> {
  const columns = sql.raw(predicates.map((predicate) => `coalesce((${predicate}), false)`).join(', '))
  const from = sql.raw(`::${qualified(table)}[]) AS ${quote(table.name)}`)
  const found = await actingAs(look, identity, () =>
    sql<{ passes: boolean[] }>`SELECT ARRAY[${columns}] AS passes FROM unnest(${rows}${from}`.execute(
      look.db,
    ),
  )
  return predicates.map((_, index) => found.rows.map(({ passes }) => passes[index]))
}
