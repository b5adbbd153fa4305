import { sql } from '../../postgres/sql.ts'
import { escapeLiteral } from 'pg'
import type { Database } from '../../postgres/database.ts'
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
 *
 * @throws TimeIsOver
 */
export async function actingAs<T>(
  look: Look,
  { role, settings }: Identity,
  work: () => Promise<T>,
  timeoutMs = look.clock.remainingMs(),
): Promise<T> {
  return withSettings(look, { ...settings, ...usual(look), role }, work, timeoutMs)
}

/** The text that a query answers with, null where it is of another type; or the SQLSTATE of its error. */
export type Reply = { text: string | null } | { code: string }

/** A query, and who asks it. */
export interface Asked {
  identity: Identity
  query: string
}

/** How many queries are asked in one request. */
const mostTogether = 64

/** As `askAll`, for queries of one identity. */
export async function askEach(
  look: Look,
  identity: Identity,
  queries: string[],
  timeoutMs = look.clock.remainingMs(),
): Promise<Reply[]> {
  return askAll(
    look,
    queries.map((query) => ({ identity, query })),
    timeoutMs,
  )
}

/**
 * Asks as `askAll` does, 64 queries in a request. A request that takes longer than one query may is asked again query by
 * query, and so is what follows it: a slow query must not take the time of all others.
 *
 * @param mostMs how long one query may take, asked anew for each request
 * @returns undefined for a query that took longer, and for those that were left when the look's time was over
 * @throws what `isNoAnswer` is true of
 */
export async function askPatiently(
  look: Look,
  asked: Asked[],
  mostMs: () => number,
): Promise<(Reply | undefined)[]> {
  const replies: (Reply | undefined)[] = []
  let size = mostTogether
  while (replies.length < asked.length && !look.clock.isOver()) {
    const some = asked.slice(replies.length, replies.length + size)
    try {
      replies.push(...(await askAll(look, some, mostMs())))
    } catch (error) {
      if (!isTimeout(error)) throw error
      if (some.length === 1) replies.push(undefined)
      size = 1
    }
  }
  return asked.map((_, at) => replies[at])
}

/**
 * Runs queries, each as its identity and as if it were the only one: what one of them sets or fails at is no matter of
 * the next. The server runs all of them in one request, since a proof asks thousands.
 *
 * ```sql
 * DO $$ BEGIN
 *   BEGIN -- for each query
 *     EXECUTE 'SELECT set_config(''role'', ...)'; EXECUTE 'SELECT ...' INTO answer;
 *     RAISE EXCEPTION ...; -- takes back what it did and set
 *   EXCEPTION WHEN OTHERS THEN ...; END;
 * END $$
 * ```
 *
 * @param timeoutMs for all of them together
 * @throws TimeIsOver, and what `isNoAnswer` is true of
 */
export async function askAll(
  look: Look,
  asked: Asked[],
  timeoutMs = look.clock.remainingMs(),
): Promise<Reply[]> {
  const [only] = asked
  if (only === undefined) return []
  try {
    if (asked.length === 1) {
      const ask = () => sql.raw<Record<string, unknown>>(only.query).execute(look.db)
      const { rows } = await actingAs(look, only.identity, ask, timeoutMs)
      const [value] = Object.values(rows[0] ?? {})
      return [{ text: typeof value === 'string' ? value : null }]
    }
    const ask = async () => {
      await sql.raw(`DO ${escapeLiteral(blockOf(asked))}`).execute(look.db)
      return sql<{ answers: [(string | null)[], (string | null)[]] }>`
        SELECT pg_catalog.current_setting('hundredfold.answers')::pg_catalog.json AS answers`.execute(look.db)
    }
    const { rows } = await withSettings(look, usual(look), ask, timeoutMs)
    const [texts = [], codes = []] = rows[0]?.answers ?? []
    return asked.map((_, at) => {
      const code = codes[at]
      return typeof code === 'string' ? { code } : { text: texts[at] ?? null }
    })
  } catch (error) {
    const code = errorCode(error)
    if (isNoAnswer(error) || code === undefined) throw error
    // The one query failed.
    return asked.map(() => ({ code }))
  }
}

/**
 * Every name in it stands with its schema: the queries run under the `search_path` of the identity. A text that many ask
 * is in it once.
 */
function blockOf(asked: Asked[]): string {
  const setups = asked.map(({ identity }) => setupOf(identity))
  const queries = asked.map(({ query }) => query)
  const texts = [...new Set([...setups, ...queries])]
  const places = new Map(texts.map((text, at) => [text, at + 1]))
  const listed = (some: string[]) =>
    `'{${some.map((text) => places.get(text)).join(',')}}'::pg_catalog.int4[]`
  return `
    DECLARE
      texts pg_catalog.text[] := ARRAY[${texts.map(escapeLiteral).join(', ')}];
      setups pg_catalog.int4[] := ${listed(setups)};
      queries pg_catalog.int4[] := ${listed(queries)};
      answer pg_catalog.text; done pg_catalog.bool;
      answers pg_catalog.text[] := '{}'; codes pg_catalog.text[] := '{}';
    BEGIN
      FOR place IN 1..${asked.length} LOOP
        answer := NULL;
        done := false;
        BEGIN
          EXECUTE texts[setups[place]];
          EXECUTE texts[queries[place]] INTO answer;
          done := true;
          RAISE EXCEPTION 'whatever it did is taken back';
        EXCEPTION
          WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN RAISE;
          WHEN OTHERS OR assert_failure THEN
            answers := pg_catalog.array_append(answers, answer);
            codes := pg_catalog.array_append(codes, CASE WHEN done THEN NULL ELSE SQLSTATE END);
        END;
      END LOOP;
      PERFORM pg_catalog.set_config('hundredfold.answers', pg_catalog.json_build_array(answers, codes)::pg_catalog.text, true);
    END`
}

/** Makes the session that of the identity, whose role comes last; path and limit are those of the look. */
function setupOf({ role, settings }: Identity): string {
  const own = Object.entries(settings).filter(([name]) => !ofLook.includes(name.toLowerCase()))
  const calls = [...own, ['role', role] as const].map(
    ([name, value]) => `pg_catalog.set_config(${escapeLiteral(name)}, ${escapeLiteral(value)}, true)`,
  )
  return `SELECT ${calls.join(', ')}`
}

const ofLook = ['search_path', 'jit', 'statement_timeout', 'role']

function usual({ searchPath }: Look): Record<string, string> {
  return { search_path: searchPath, jit: 'off' }
}

async function withSettings<T>(
  { db, under = (each) => underSavepoint(db, each) }: Look,
  settings: Record<string, string>,
  work: () => Promise<T>,
  timeoutMs: number,
): Promise<T> {
  const limitMs = Math.max(leastMs, Math.floor(timeoutMs))
  // The role comes last: not every one may lift the limits of a session.
  const { role, ...others } = settings
  const all = { ...others, statement_timeout: `${limitMs}`, ...(role === undefined ? {} : { role }) }
  const started = performance.now()
  try {
    return await under(async () => {
      const calls = Object.entries(all).map(
        ([name, value]) => sql`pg_catalog.set_config(${name}, ${value}, true)`,
      )
      await sql`SELECT ${sql.join(calls)}`.execute(db)
      return await work()
    })
  } catch (error) {
    const isOurs = errorCode(error) === '57014' && performance.now() - started > 0.9 * limitMs
    throw isOurs ? new TimeIsOver() : error
  }
}

/** Shorter limits end statements that take no time at all, on a busy machine. */
const leastMs = 50
