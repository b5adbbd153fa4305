import type { MigrationBuilder } from 'node-pg-migrate'
import type { Optimization } from '../conditions/condition.ts'

export type Direction = 'up' | 'down'

/** `up` or `down` of a migration file: fills the builder, and may wait for something. */
export type Action = (pgm: MigrationBuilder) => void | Promise<void>

/** A migration file, loaded and checked. */
export interface Migration {
  /** The file's name without its extension: `20261124080000000_create-bookings-index`. */
  name: string
  path: string
  /** SHA-256 of the file's text, line ends normalised, in hex. */
  checksum: string
  up: Action
  down: Action
  /** Absent in a plain node-pg-migrate file: it runs, but nothing is checked. */
  optimization?: Optimization
}

/** The result of a condition, and when it was checked. */
export interface CheckedCondition {
  description: string
  /** Which of the migration's two lists it is in. */
  phase: 'before' | 'after'
  holds: boolean
  expected?: string
  actual?: string
}

/** One migration that ran, in one direction. */
export interface Ran {
  name: string
  direction: Direction
  ms: number
  conditions: CheckedCondition[]
  /** Somebody else had already made what the migration wanted: nothing was run, and `down` leaves it alone. */
  adopted?: boolean
}
