import type { RelationName } from '../postgres/identifiers.ts'
import type { Database } from '../postgres/database.ts'
import type { Read, Results } from './reader.ts'
import { readOnce } from './reader.ts'

/** Tables of which statements are planned often, and those whose policies are nevertheless to be left alone. */
export interface PlannedOften {
  tables: 'all' | readonly { schema?: string; name: string }[]
  except(table: RelationName): boolean
}

/** One database at one moment: a read-only transaction with an empty `search_path`, read lazily and each kind once. */
export interface Snapshot {
  db: Database
  /** What a reader reads, read once however many rules ask. */
  read: Read
  /** Only findings about objects of these schemas are wanted; all user schemas where it is absent. */
  schemas?: string[]
  /** Only fixes for these rules are wanted, so that a migration for several rules contains no other; all if absent. */
  rules?: readonly string[]
  /** Of the machine that the server runs on, where somebody has said it. */
  memoryBytes?: number
  /**
   * Tables of which statements are planned so often that planning their policies counts: migrations for any rule then
   * contain what `auth_function_planning` wants of them. None if absent.
   */
  plannedOften?: PlannedOften
}

/** For a session that is already in a read-only transaction; `results` holds what was read in it before. */
export function snapshotOf(
  db: Database,
  schemas?: string[],
  rules?: readonly string[],
  results?: Results,
): Snapshot {
  return {
    db,
    read: readOnce(db, results),
    ...(schemas === undefined ? {} : { schemas }),
    ...(rules === undefined ? {} : { rules }),
  }
}
