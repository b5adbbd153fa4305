import type { Unit } from './measurement.ts'

/** What a metric of `monitor` is and what it is called in each format: its only definition. */
export interface MetricDefinition {
  /** `cache_hit_ratio`: in JSON, in alerts, in the history. */
  id: string
  /** One line for people. */
  help: string
  unit: Unit
  /** A counter only grows until it is reset; a gauge is the state of a moment. */
  kind: 'gauge' | 'counter'
  /**
   * Its name for Prometheus: that of postgres_exporter where it means the same, else `hundredfold_...`. Per cent become a
   * ratio from 0 to 1.
   */
  prometheus: string
  /** Names of the labels; those of postgres_exporter where it has them. */
  labels: readonly string[]
  /** Its name for OpenTelemetry, where its PostgreSQL receiver or semantic conventions have one that means the same. */
  otel?: OtelName
  target?: Target
}

/** Two metrics of ours may be one of OpenTelemetry's: `attributes` tell them apart. */
export interface OtelName {
  name: string
  unit: string
  attributes?: Record<string, string>
  /** Its names for labels, where they differ from those that all metrics share. */
  labels?: Record<string, string>
  /** It is a sum that may also fall, such as a number of sessions over all databases. */
  isSum?: true
}

/** What a healthy database stays at: `least` is reached or exceeded, `below` is never reached. */
export type Target = { least: number } | { below: number } | { most: number }

/** Whether a value meets the target. */
export function meets(value: number, target: Target): boolean {
  if ('least' in target) return value >= target.least
  return 'below' in target ? value < target.below : value <= target.most
}

/** Labels of a metric of which a database has one. */
export const ofDatabase = ['datname'] as const
