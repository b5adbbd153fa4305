/**
 * The targets of a healthy database. A metric of the report and the rule that judges the same figure share one target
 * and one computation, so that a report never says both "met" and "too much".
 */
export const targets = {
  /** Per cent of the blocks found in shared_buffers, at least. */
  cache_hit_ratio: 99,
  /** Per cent of the connections that a limit allows; must stay below. */
  connection_usage: 80,
  /** Per cent of the rows that are dead, weighted by size; must stay below. */
  dead_tuples: 10,
  /** Per cent of a heap that holds no row; must stay below. */
  free_space: 20,
  /** Large tables that are read whole again and again, at most. */
  sequential_scans: 0,
  /** Slow statements, at most. */
  slow_queries: 0,
} as const

/** Those that only `monitor` judges. */
export const monitorTargets = {
  /** Seconds of a statement on average; must stay below. */
  mean_query_seconds: 0.1,
  /** Per cent of the values of a sequence; must stay below. */
  sequence_usage: 70,
  /** Per cent of the transaction ids or multixacts after which the server refuses writes; must stay below. */
  wraparound: 50,
  /** Seconds that a change waits in the cache's outbox; must stay below. */
  cache_outbox_seconds: 60,
} as const
