import type { Client } from 'pg'
import { withinLockBudget } from '../../migrate/lockBudget.ts'
import type { Hours } from '../../migrate/hours.ts'
import { defaultRunOptions } from '../../migrate/runOptions.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { cancelOnAbort } from './cancelOnAbort.ts'
import type { BloatedTable } from './findBloat.ts'
import type { RewriteAction, RewriteTools } from './rewriteAction.ts'
import { measureReturn } from './rewriteAction.ts'

/** What a rewrite under the strongest lock needs beside the tools. */
export interface FullTools extends RewriteTools {
  hours: Hours
}

/**
 * Writes a table and its indexes anew, in the order of its marked index where there is one. Nobody reads or writes it
 * meanwhile. The lock is asked for politely; cancelled in the middle it leaves the old table as it was.
 *
 * ```sql
 * VACUUM (FULL, ANALYZE) "public"."bookings"
 * CLUSTER "public"."bookings"   -- where CLUSTER has marked an index; then ANALYZE
 * ```
 */
export function fullAction(table: BloatedTable, tools: FullTools): RewriteAction {
  const { clusteredIndex } = table.facts
  const name = qualified(table)
  const sql =
    clusteredIndex === null
      ? `VACUUM (FULL, ANALYZE) ${name}`
      : `CLUSTER ${name} USING ${quote(clusteredIndex)}`
  return {
    table,
    title: `Write ${display(table)} anew`,
    sql,
    affects: ['nobody can read or write the table until it is done'],
    run: (client) =>
      measureReturn(client, { table, kind: 'full' }, async () => {
        await rewrite(client, tools, table, sql)
        if (clusteredIndex !== null) await client.query(`ANALYZE ${name}`)
        return []
      }),
  }
}

async function rewrite(client: Client, tools: FullTools, table: BloatedTable, sql: string): Promise<void> {
  const { watcher, signal, hours, onProgress } = tools
  const options = {
    ...{ client, signal, hours },
    lockTimeoutMs: defaultRunOptions.lockTimeoutMs,
    lockBudgetMs: defaultRunOptions.lockBudgetMs,
    onEvent: (event: { kind: string; holder?: string }) => {
      if (event.kind === 'heldUp') onProgress(`waiting for ${event.holder ?? 'somebody'}`)
    },
  }
  await withinLockBudget(`Rewriting ${display(table)}`, options, async ({ lockTimeoutMs, lookFirst }) => {
    await lookFirst([
      { relation: { schema: table.schema, name: table.name }, reach: 'itself', mode: 'AccessExclusiveLock' },
    ])
    await client.query(`SET lock_timeout = ${lockTimeoutMs}`)
    try {
      await cancelOnAbort(client, tools, sql, async (pid) => {
        const { rows } = await watcher.query<{ phase: string; percent: number | null }>(
          `SELECT phase, round(100.0 * heap_blks_scanned / nullif(heap_blks_total, 0))::int AS percent
           FROM pg_catalog.pg_stat_progress_cluster WHERE pid = $1`,
          [pid],
        )
        if (rows[0]) onProgress(`${display(table)}: ${rows[0].phase}, ${rows[0].percent ?? 0} % read`)
      })
    } finally {
      await client.query('RESET lock_timeout').catch(() => undefined)
    }
  })
}
