/**
 * One value of a metric at one moment: what `monitor` exports, what its history keeps and what alerts judge.
 *
 *     { id: 'connection_usage', value: 83.2, unit: 'percent', labels: { of: 'server' } }
 */
export interface Measurement {
  /** The metric's name in the registry. */
  id: string
  /** In `unit`; an instant's state, or a sum that only grows until it is reset. */
  value: number
  unit: Unit
  /** What tells it from others of the same metric, such as `{ database: 'app' }`; empty where there is one only. */
  labels: Record<string, string>
}

/** `count` is a number of things; a rate is per second. */
export type Unit = 'percent' | 'seconds' | 'bytes' | 'count' | 'per_second'
