/**
 * What a healthy database keeps to. A metric of the report and the rule that judges the same figure have one target,
 * and one way to come by the figure, so that a report never says both "met" and "too much".
 */
export const targets = {
  /** Per cent of the blocks found in shared_buffers, at least. */
  cache_hit_ratio: 99,
  /** Per cent of the connections that a limit allows; reached is too much. */
  connection_usage: 80,
  /** Per cent of the rows that are dead, weighed by size; reached is too much. */
  dead_tuples: 10,
  /** Per cent of a heap that holds no row; reached is too much. */
  free_space: 20,
  /** Large tables that are read whole again and again, at most. */
  sequential_scans: 0,
  /** Slow statements, at most. */
  slow_queries: 0,
} as const
