import { DatabaseError } from 'pg'
import type { ClientBase } from 'pg'

/** A statement of the copy, and the keys of the objects that are not there if it fails. */
export interface CopyStatement {
  sql: string
  objects: string[]
  /** What to run in its place where it has failed for good. */
  otherwise?: CopyStatement[]
}

/** Statements that are sent together: one round trip, and one transaction. */
const batchSize = 100

/**
 * Runs the statements of a copy one by one as far as needed, so that one failure does not stop the rest. Failed
 * statements are tried again as long as others succeed: no order of statements can know what a function's body will
 * need.
 *
 * @param searchPath for the second and later tries: some defaults call functions whose bodies name tables without a
 * schema.
 * @returns why an object could not be copied, by its key.
 */
export async function runCopy(
  client: ClientBase,
  statements: readonly CopyStatement[],
  searchPath: string,
): Promise<Map<string, string>> {
  await client.query(`SET check_function_bodies = off; SET client_min_messages = error; SET search_path = ''`)
  const first = await runAll(client, statements)
  await client.query(`SELECT pg_catalog.set_config('search_path', $1, false)`, [searchPath])
  let failed = await retryWhileAnySucceeds(client, first)
  if (failed.some(({ statement }) => statement.otherwise)) {
    const others = failed.flatMap(({ statement }) => statement.otherwise ?? [statement])
    failed = await retryWhileAnySucceeds(client, await runAll(client, others))
  }
  return firstReasons(
    (await withQualifiedReasons(client, failed)).flatMap(({ statement, reason }) =>
      statement.objects.map((object) => [object, reason.message] as const),
    ),
  )
}

async function retryWhileAnySucceeds(client: ClientBase, failures: Failure[]): Promise<Failure[]> {
  let failed = failures
  for (let before = Infinity; failed.length > 0 && failed.length < before;) {
    before = failed.length
    failed = await runAgain(client, failed)
  }
  return failed
}

/** With an empty search_path the same error names its objects in full; a different error is not the cause. */
async function withQualifiedReasons(client: ClientBase, failed: Failure[]): Promise<Failure[]> {
  if (failed.length === 0) return failed
  await client.query(`SET search_path = ''`)
  const again = new Map((await runAgain(client, failed)).map((failure) => [failure.statement, failure]))
  return failed.flatMap((failure): Failure[] => {
    const qualified = again.get(failure.statement)
    if (!qualified) return []
    return [qualified.reason.code === failure.reason.code ? qualified : failure]
  })
}

/** The first reason is the cause: what comes after it, such as a GRANT, fails because the object is not there. */
export function firstReasons(failed: readonly (readonly [string, string])[]): Map<string, string> {
  return new Map(failed.toReversed())
}

interface Failure {
  statement: CopyStatement
  reason: DatabaseError
}

async function runAgain(client: ClientBase, failed: Failure[]): Promise<Failure[]> {
  return runAll(
    client,
    failed.map(({ statement }) => statement),
  )
}

async function runAll(client: ClientBase, statements: readonly CopyStatement[]): Promise<Failure[]> {
  const failures: Failure[] = []
  for (let from = 0; from < statements.length; from += batchSize) {
    const batch = statements.slice(from, from + batchSize)
    const failure = await tryRun(client, batch.map(({ sql }) => sql).join('\n;\n'))
    if (failure === undefined) continue
    for (const statement of batch) {
      const reason = await tryRun(client, statement.sql)
      if (reason !== undefined) failures.push({ statement, reason })
    }
  }
  return failures
}

/** PostgreSQL's error; undefined if the statement ran. A lost connection is an error. */
async function tryRun(client: ClientBase, sql: string): Promise<DatabaseError | undefined> {
  try {
    await client.query(sql)
    return undefined
  } catch (error) {
    if (error instanceof DatabaseError) return error
    throw error
  }
}
