import type { Client } from 'pg'
import { messageOf } from '../../errors.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display, qualified } from '../../postgres/identifiers.ts'
import { isConnectionLost } from '../../postgres/sqlState.ts'
import { cancelOnAbort } from './cancelOnAbort.ts'
import type { BloatedTable } from './findBloat.ts'
import type { RewriteAction, RewriteTools } from './rewriteAction.ts'
import { measureReturn } from './rewriteAction.ts'

/**
 * Builds the bloated indexes of a table anew while it is in use. An unfinished copy of a build that failed or was cancelled
 * is dropped again.
 */
export function reindexAction(
  table: BloatedTable,
  indexes: readonly RelationName[],
  tools: RewriteTools,
): RewriteAction {
  const statements = indexes.map((index) => `REINDEX INDEX CONCURRENTLY ${qualified(index)}`)
  return {
    table,
    title: `Rebuild ${indexes.length === 1 ? 'an index' : `${indexes.length} indexes`} of ${qualified(table)}`,
    sql: statements.join(';\n'),
    affects: [],
    run: (client) =>
      measureReturn(client, { table, kind: 'reindex' }, async () => {
        const failures: { index: RelationName; error: unknown }[] = []
        for (const [at, statement] of statements.entries()) {
          const index = indexes[at]
          if (!index) continue
          try {
            await rebuild(client, tools, { table, index, statement })
          } catch (error) {
            if (tools.signal.aborted || isConnectionLost(error)) throw error
            failures.push({ index, error })
          }
        }
        const [first] = failures
        if (first && failures.length === statements.length) throw first.error
        return failures.map(({ index, error }) => `${display(index)} was not rebuilt: ${messageOf(error)}`)
      }),
  }
}

async function rebuild(
  client: Client,
  tools: RewriteTools,
  { table, index, statement }: { table: BloatedTable; index: RelationName; statement: string },
): Promise<void> {
  const before = await unfinishedCopies(tools.watcher, table)
  try {
    await cancelOnAbort(client, tools, statement, async (pid) => {
      const { rows } = await tools.watcher.query<{ phase: string; percent: number | null }>(
        `SELECT phase, round(100.0 * blocks_done / nullif(blocks_total, 0))::int AS percent
         FROM pg_catalog.pg_stat_progress_create_index WHERE pid = $1`,
        [pid],
      )
      if (rows[0]) tools.onProgress(`${display(index)}: ${rows[0].phase}, ${rows[0].percent ?? 0} %`)
    })
  } catch (error) {
    // Only what this build has left: one that was there before is somebody else's.
    const left = (await unfinishedCopies(tools.watcher, table)).filter(
      (copy) => !before.some(({ oid }) => oid === copy.oid),
    )
    for (const copy of left) await tools.watcher.query(`DROP INDEX CONCURRENTLY IF EXISTS ${qualified(copy)}`)
    throw error
  }
}

/** Invalid indexes that REINDEX CONCURRENTLY has left on a table: the new one, or the old one before it was dropped. */
async function unfinishedCopies(
  client: Client,
  { oid }: BloatedTable,
): Promise<(RelationName & { oid: number })[]> {
  const { rows } = await client.query<RelationName & { oid: number }>(
    `SELECT class.oid::int8::float8 AS oid, namespace.nspname AS schema, class.relname AS name
     FROM pg_catalog.pg_index index JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
     JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     WHERE index.indrelid = $1 AND NOT index.indisvalid AND class.relname ~ '_cc(new|old)[0-9]*$'`,
    [oid],
  )
  return rows
}
