import { qualified } from '../../postgres/identifiers.ts'
import { cancelOnAbort } from './cancelOnAbort.ts'
import type { BloatedTable } from './findBloat.ts'
import type { RewriteAction, RewriteTools } from './rewriteAction.ts'
import { measureReturn } from './rewriteAction.ts'

/** Lets new rows use the space of dead ones. The disk gets back only what lies at the very end of the file. */
export function vacuumAction(table: BloatedTable, tools: RewriteTools): RewriteAction {
  const sql = `VACUUM (ANALYZE) ${qualified(table)}`
  return {
    table,
    title: `Vacuum ${qualified(table)}`,
    sql,
    affects: [],
    run: (client) =>
      measureReturn(client, { table, kind: 'vacuum' }, async () => {
        await cancelOnAbort(client, tools, sql, async (pid) => {
          const { rows } = await tools.watcher.query<{ phase: string; percent: number | null }>(
            `SELECT phase, round(100.0 * heap_blks_scanned / nullif(heap_blks_total, 0))::int AS percent
             FROM pg_catalog.pg_stat_progress_vacuum WHERE pid = $1`,
            [pid],
          )
          if (rows[0]) tools.onProgress(`${sql}: ${rows[0].phase}, ${rows[0].percent ?? 0} % of the table`)
        })
        return []
      }),
  }
}
