import type { ConnectionUse } from '../../catalog/connections.ts'
import { readConnectionUse } from '../../catalog/connections.ts'
import type { Session } from '../../catalog/sessions.ts'
import { listClientSessions } from '../../catalog/sessions.ts'
import type { TableRewrite } from '../../catalog/tableRewrites.ts'
import { listTableRewrites } from '../../catalog/tableRewrites.ts'
import { display, qualified } from '../../postgres/identifiers.ts'
import type { YoungIndex } from '../../catalog/youngIndexes.ts'
import { listYoungUnusedIndexes } from '../../catalog/youngIndexes.ts'
import type { Table } from '../../catalog/tables.ts'
import { knownRows, listTablesBySize } from '../../catalog/tables.ts'
import { connectionLimits } from '../../metrics/connectionLimits.ts'
import { isStale } from '../../rules/tables/staleStatistics.ts'
import type { TextBlock } from '../block.ts'
import { textBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** The symptoms that teams meet most, recognised from what can be seen, with what to do. */
export const troubleshooting: Section = {
  id: 'troubleshooting',
  title: 'Troubleshooting',
  async look(context) {
    const use = await context.read(readConnectionUse)
    const sessions = await context.read(listClientSessions)
    const young = await listYoungUnusedIndexes(context.db)
    const tables = (await context.read(listTablesBySize)).filter(({ schema }) => context.wants(schema))
    const rewrites = await listTableRewrites(context.db)
    return {
      blocks: [
        textBlock(...saturation(use, sessions)),
        textBlock(
          ...slowAfterIndexes(
            young.filter(({ schema }) => context.wants(schema)),
            tables,
          ),
        ),
        ...rewriting(rewrites),
      ],
    }
  },
}

/** `MaxClientsInSessionMode` and `EMAXCONNSESSION` of Supabase's pooler, `too many clients already` of the server. */
export function saturation(use: ConnectionUse, sessions: Session[]): string[] {
  const symptom = 'MaxClientsInSessionMode, EMAXCONNSESSION, "too many clients already":'
  const [nearest] = connectionLimits(use)
  const pooled = sessions.filter(({ application }) => /supavisor|pgbouncer|pgcat|odyssey/i.test(application))
  const seen = `  Seen: ${nearest.used} of ${nearest.limit} sessions (${nearest.of}), ${use.idle} idle, ${use.idleInTransaction} idle in a transaction; ${
    pooled.length > 0 ? `${pooled.length} come from a pooler` : 'none names itself a pooler'
  }.`
  if (!nearest.isSaturated && use.idleInTransaction < 5) {
    return [
      symptom,
      seen,
      '  The server itself is not full. If clients still see the error, the pooler is full: in session mode each client keeps one of its connections until it disconnects.',
      "  Do: point the application at the pooler in transaction mode (Supabase: port 6543), keep session mode or the direct URL for migrations, and set the client's own pool to 1 in serverless functions.",
    ]
  }
  return [
    symptom,
    seen,
    `  ${nearest.isSaturated ? 'The server is nearly full.' : 'Transactions are left open and keep their connections.'}`,
    "  Do: end forgotten sessions: SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle' AND state_change < now() - interval '10 minutes' AND pid <> pg_backend_pid();",
    '  Do: point the application at the pooler in transaction mode (Supabase: port 6543); API clients keep no session (persistSession: false).',
    "  Do: ALTER ROLE ... SET idle_in_transaction_session_timeout = '60s' and statement_timeout = '30s' for the application's role, so that one stuck request does not hold a connection for ever.",
  ]
}

/** Slow after new indexes: the planner does not use them, or does not know enough to. */
export function slowAfterIndexes(young: YoungIndex[], tables: Table[]): string[] {
  const stale = tables.filter((table) =>
    isStale({
      neverAnalyzed: table.estimatedRows === null && table.lastAnalyzed === null,
      rows: knownRows(table),
      changes: table.changesSinceAnalyze,
    }),
  )
  const symptom = 'Slow after new indexes:'
  if (young.length === 0 && stale.length === 0) {
    return [symptom, '  Not seen: every young index is used, and statistics are fresh.']
  }
  return [
    symptom,
    ...stale
      .slice(0, 5)
      .map((table) => `  Stale statistics: ${display(table)}. Do: ANALYZE ${qualified(table)};`),
    ...young.slice(0, 10).map((index) => {
      const why = index.isValid
        ? `not scanned since it was made; ${index.whyNot}`
        : 'invalid: its build failed. Do: REINDEX INDEX CONCURRENTLY ' + qualified(index)
      return `  New and unused: ${display(index)} on ${display(index.table)}, ${why}.`
    }),
    '  Do: EXPLAIN the query as the role that sends it. Behind row-level security an index on an operator that is not leakproof stays unused; arrays and jsonb need GIN, ranges GiST.',
    '  Never set enable_seqscan = off for the application: it hides the reason.',
  ]
}

/** VACUUM FULL that takes too long. */
export function rewriting(rewrites: TableRewrite[]): TextBlock[] {
  const symptom = 'VACUUM FULL takes too long:'
  if (rewrites.length === 0) {
    return [textBlock(symptom, '  Not seen: no VACUUM FULL or CLUSTER is running in this database.')]
  }
  return rewrites.map((rewrite) => {
    const progress =
      rewrite.blocksTotal > 0
        ? `${Math.round((100 * rewrite.blocksDone) / rewrite.blocksTotal)} % of its blocks read`
        : 'no block read yet'
    const blocked =
      rewrite.blockedBy.length > 0
        ? [
            `  It waits for process ${rewrite.blockedBy.join(', ')}. Do: end that transaction, or cancel the rewrite; every later session waits behind it.`,
          ]
        : []
    return textBlock(
      symptom,
      `  Seen: ${rewrite.command} on ${rewrite.table}, process ${rewrite.pid}, ${rewrite.phase}, ${Math.round(rewrite.seconds ?? 0)} s, ${progress}; ${rewrite.blocked} sessions wait for it.`,
      ...blocked,
      `  Do: to let the others go on, SELECT pg_cancel_backend(${rewrite.pid}); it leaves the table as it was.`,
      '  Do: instead, plain VACUUM now (blocks nobody), and pg_repack for the space (online), or VACUUM FULL in a maintenance window.',
    )
  })
}
